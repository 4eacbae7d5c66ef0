package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/web"
)

// wisp serve prints the address of a local page that shows what the other verbs print, and
// serves it until it is interrupted; the page itself is internal/web's.
func newServe(a *app) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [FILE...]",
		Short: "Show models, comparisons, records and measurements on a local page in the browser",
		Long: `Show models, comparisons, records, running measurements and photographs on a local page in the browser: the networks of the
zoo and the FILEs. The address is printed; the page ends with Ctrl-C. It listens on this machine alone. With --listen on another
address everybody who has the printed address, with its token, can use it; what is sent is not encrypted.`,
		Example: "  wisp serve\n  wisp serve mobilenet_v2.onnx ghostnet.safetensors --data photographs\n  wisp serve --from results --listen 0.0.0.0:8080",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serve(cmd.Context(), args, &f)
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "", "`HOST:PORT` to listen on; otherwise "+usualAddress+" or, where that is taken, a free port")
	cmd.Flags().StringArrayVar(&f.hosts, "host", nil, "a `NAME` of this machine that browsers may use, beside localhost and addresses; may be repeated")
	cmd.Flags().StringArrayVar(&f.from, "from", nil, "records to show: `DIR|FILE`; otherwise wisp's folder for results; may be repeated")
	cmd.Flags().StringVar(&f.data, "data", "", "labelled `DIR` that evaluations may use")
	return cmd
}

type serveFlags struct {
	listen, data string
	hosts, from  []string
}

// usualAddress is where the page is, unless it is taken.
const usualAddress = "127.0.0.1:7171"

func (a *app) serve(ctx context.Context, files []string, f *serveFlags) error {
	for i, file := range files {
		if _, err := os.Stat(file); err != nil {
			return err
		}
		if strings.HasPrefix(file, "-") { // no flag of the commands that are given it
			files[i] = "./" + file
		}
	}
	for _, p := range append(append([]string{}, f.from...), nonEmpty(f.data)...) {
		if _, err := os.Stat(p); err != nil {
			return err
		}
	}
	if len(f.from) == 0 {
		dir, err := record.StateFolder("results")
		if err != nil {
			a.say("no records are shown: %v", err)
		} else {
			f.from = []string{dir}
		}
	}
	l, err := listen(f.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	token, address := "", "http://"+reachable(l.Addr())+"/"
	if !loopback(l.Addr()) {
		token = web.NewToken()
		address += "?token=" + token
		a.say("everybody who has the address can use this page, and what is sent is not encrypted: where that matters, listen on this machine alone and use ssh -L")
	}
	if a.json {
		err = a.print(struct {
			envelope
			URL     string   `json:"url"`
			Token   bool     `json:"asks_for_token"`
			Files   []string `json:"files"`
			Records []string `json:"records"`
		}{a.envelope(), address, token != "", append([]string{}, files...), append([]string{}, f.from...)})
	} else {
		_, err = fmt.Fprintln(a.out, address)
	}
	if err != nil {
		return err
	}
	if !a.json && !a.quiet {
		fmt.Fprintln(a.errs, "wisp: note: open the address above in a browser; Ctrl-C ends it")
	}
	s := web.New(web.Config{
		Files: files, Records: f.from, Data: f.data, Version: version, Hosts: f.hosts, Token: token,
		Verb: func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return a.run(ctx, args, strings.NewReader(""), stdout, stderr)
		},
		Command: itself,
		Envelope: func(command string, diagnostics []string) record.Envelope {
			e := a.envelope()
			e.Command, e.Diagnostics = command, append([]string{}, diagnostics...)
			return e
		},
	})
	return s.Serve(ctx, l)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// itself is a process of this very program.
func itself(args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return exec.Command(exe, args...)
}

// listen listens where it was asked to, else on the usual address or a free port.
func listen(asked string) (net.Listener, error) {
	if asked == "" {
		if l, err := net.Listen("tcp", usualAddress); err == nil {
			return l, nil
		}
		return net.Listen("tcp", "127.0.0.1:0")
	}
	if _, _, err := net.SplitHostPort(asked); err != nil {
		return nil, usagef("--listen %s: want HOST:PORT, such as 0.0.0.0:8080: %v", asked, err)
	}
	return net.Listen("tcp", asked)
}

// reachable is an address that others can open: for all of this machine's, its first.
func reachable(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil || !at.Addr().IsUnspecified() {
		return a.String()
	}
	host := "localhost"
	all, err := net.InterfaceAddrs()
	for i := 0; err == nil && i < len(all); i++ {
		if p, perr := netip.ParsePrefix(all[i].String()); perr == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			host = p.Addr().String()
			break
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(int(at.Port())))
}

// loopback reports whether only this machine can reach an address.
func loopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().IsLoopback()
}
