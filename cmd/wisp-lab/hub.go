package main

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/lab"
)

// wisp-lab hub prints the hub's address and serves until it is interrupted.
func newHub(a *app) *cobra.Command {
	var o lab.HubOptions
	var maxStore int64
	cmd := &cobra.Command{
		Use:   "hub --store DIR",
		Short: "Run the hub: an embedded NATS server with JetStream",
		Long: `Run the hub: an embedded NATS server with JetStream, which keeps the queue in a folder and goes on with it after a restart. Clients
must bring the token in --token-file, which is made where it is absent; --config takes a NATS configuration instead (accounts,
certificates, clusters). Any NATS server with JetStream serves as well.`,
		Example: "  wisp-lab hub --store queue\n  wisp-lab hub --store queue --listen 0.0.0.0:4222 --tls-cert hub.pem --tls-key hub.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Store == "" {
				return usagef("hub: --store DIR is missing: the folder of the queue")
			}
			if maxStore < 1 {
				return usagef("hub: --max-store %d: want a number of MiB", maxStore)
			}
			o.MaxStore = maxStore << 20
			if o.TokenFile == "" && o.Config == "" && !o.NoAuth {
				o.TokenFile = filepath.Join(o.Store, "token")
			}
			h, err := lab.StartHub(o, a.log)
			if err != nil {
				return err
			}
			defer h.Close()
			fmt.Fprintf(a.out, "%s\n", h.URL())
			if !a.quiet {
				a.log("serving; clients need %s", cmp.Or(o.TokenFile, "no token"))
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	s := cmd.Flags()
	s.StringVar(&o.Listen, "listen", "127.0.0.1:4222", "`HOST:PORT` to serve on; port 0 takes a free one")
	s.StringVar(&o.Store, "store", "", "folder of the queue")
	s.StringVar(&o.TokenFile, "token-file", "", "a `FILE` with the token that clients must bring; STORE/token without it")
	s.BoolVar(&o.NoAuth, "no-auth", false, "let anybody connect; on a loopback address alone")
	s.StringVar(&o.Config, "config", "", "a NATS configuration `FILE`")
	s.StringVar(&o.Cert, "tls-cert", "", "PEM `FILE` of the hub's certificate, with --tls-key")
	s.StringVar(&o.Key, "tls-key", "", "PEM `FILE` of its key")
	s.StringVar(&o.ClientCA, "tls-client-ca", "", "PEM `FILE` of the authority that clients' certificates must be of")
	s.Int64Var(&maxStore, "max-store", 16<<10, "most MiB that queue and models may take on disk")
	return cmd
}
