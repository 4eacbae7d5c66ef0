package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"image"
	"image/png"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wispnet/wisp/internal/record"
)

// board is an sshd of the test's own, with this test's home for its keys; it returns how
// --on names it.
func board(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts sshd and builds a runner")
	}
	exe, err := exec.LookPath("sshd")
	if err != nil {
		if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
			t.Skip("there is no sshd here (Debian: apt install openssh-server)")
		}
		exe = "/usr/sbin/sshd"
	}
	home := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(home, "wisp-runner"), "../wisp-runner")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/wisp-runner: %v: %s", err, out)
	}
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("WISP_RUNNERS", home)
	if os.Geteuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755)
	}
	dir := filepath.Join(home, ".ssh")
	os.Mkdir(dir, 0o700)
	key := func(path string) ssh.PublicKey {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
		k, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	host, mine := key(filepath.Join(home, "host")), key(filepath.Join(dir, "id_ed25519"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	l.Close()
	os.WriteFile(filepath.Join(dir, "authorized_keys"), ssh.MarshalAuthorizedKey(mine), 0o600)
	os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(knownhosts.Line([]string{knownhosts.Normalize(address)}, host)+"\n"), 0o600)
	config := filepath.Join(home, "sshd_config")
	os.WriteFile(config, []byte(fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin yes\n",
		port, filepath.Join(home, "host"), filepath.Join(dir, "authorized_keys"))), 0o600)
	cmd := exec.Command(exe, "-D", "-e", "-f", config)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Skipf("sshd does not start: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatalf("sshd does not listen: %s", log.String())
		}
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return "ssh:" + u.Username + "@" + address
}

// wispOn runs a command line and returns what it printed.
func wispOn(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("wisp %v: exit code %d, want %d: %s%s", args, code, want, out.String(), errs.String())
	}
	if strings.HasPrefix(out.String(), "{") {
		if err := validate(out.String()); err != nil {
			t.Errorf("wisp %v: %v", args, err)
		}
	}
	return out.String(), errs.String()
}

// TestOn: bench, compare, eval and devices reach a board over ssh; on several devices each has
// its own column and front, and none is ranked with another.
func TestOn(t *testing.T) {
	on := board(t)
	folder, results := filepath.Join(t.TempDir(), "device"), t.TempDir()
	fast := []string{"--level", "quick", "--runs", "6", "--min-time", "1ms", "--max-time", "100ms", "--device-dir", folder, "--record", results}
	bench := append([]string{"bench", "mobilenet_v2:0.1@32", "shufflenet_v2:0.5@64", "--json"}, fast...)

	text, _ := wispOn(t, 0, append(bench, "--on", on)...)
	var d record.Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Results) != 2 || len(d.Comparisons) != 1 || d.Host.Unit == "" || d.Contexts[0].Unit != d.Host.Unit {
		t.Errorf("one device: %d results, %d comparisons, unit %q", len(d.Results), len(d.Comparisons), d.Host.Unit)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("something is left on the device")
	}

	text, _ = wispOn(t, 0, append(bench, "--on", on, "--on", "local")...)
	var both struct {
		record.Document
		Devices []onDevice
	}
	if err := json.Unmarshal([]byte(text), &both); err != nil {
		t.Fatal(err)
	}
	if len(both.Results) != 4 || len(both.Comparisons) != 2 || len(both.Devices) != 2 || both.Devices[0].Unit == both.Devices[1].Unit {
		t.Errorf("two devices: %d results, %d comparisons, %+v", len(both.Results), len(both.Comparisons), both.Devices)
	}

	text, _ = wispOn(t, 0, append([]string{"compare", "tf_mobilenet_v2:0.5@96", "shufflenet_v2:0.5", "--json", "--on", on, "--on", "local"}, fast...)...)
	var c comparedDocument
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Tables) != 2 || len(c.Rows) != 4 || c.Rows[0].On != on || len(c.Pareto) < 2 || !strings.HasSuffix(c.Pareto[0], " on "+on) || len(c.Devices) != 2 {
		t.Errorf("compare: %d tables, %d rows, front %v", len(c.Tables), len(c.Rows), c.Pareto)
	}
	for _, table := range c.Tables {
		for _, r := range table.Rows {
			if r.Context.Unit != table.Rows[0].Context.Unit {
				t.Error("a table mixes devices")
			}
		}
	}
	picture := filepath.Join(results, "picture.svg")
	text, _ = wispOn(t, 0, append([]string{"compare", "tf_mobilenet_v2:0.5@96", "shufflenet_v2:0.5", "--on", on, "--on", "local", "-o", picture}, fast...)...)
	if b, err := os.ReadFile(picture); err != nil || strings.Count(string(b), `class="front"`) != 2 || !strings.Contains(string(b), "On the Pareto front of "+on+": ") {
		t.Errorf("the picture has no front for each device: %v", err)
	}
	for _, want := range []string{on + " ms", "local ms", "Devices are not ranked with one another", "* on the device's own Pareto front"} {
		if !strings.Contains(text, want) {
			t.Errorf("compare printed %s, want %s", text, want)
		}
	}

	// A recommendation is for the one device, and says so.
	text, _ = wispOn(t, 0, append([]string{"recommend", "shufflenet_v2:0.5", "--json", "--on", on}, fast...)...)
	var advice struct {
		On, Where, Pick string
	}
	if err := json.Unmarshal([]byte(text), &advice); err != nil || advice.On != on || advice.Pick != "shufflenet_v2:0.5" || !strings.HasPrefix(advice.Where, "Measured on ") {
		t.Errorf("recommend: %v, %+v", err, advice)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("recommend left something on the device")
	}
	_, errs := wispOn(t, 2, append([]string{"recommend", "shufflenet_v2:0.5", "--on", on, "--on", "local"}, fast...)...)
	if !strings.Contains(errs, "--on: got 2 devices, want one") {
		t.Errorf("recommend on two said %s", errs)
	}

	// Stopped in the middle, it leaves nothing there.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, seen := &spoken{}, make(chan struct{})
	go func() {
		defer close(seen)
		for !strings.Contains(said.String(), " warm-up") && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("there was nothing on the device: %v", err)
		}
		cancel()
	}()
	var out bytes.Buffer
	if code := run(ctx, []string{"bench", "mobilenet_v2:0.1@32", "--on", on, "--device-dir", folder, "--progress-every", "1ms", "--no-record"}, nil, &out, said); code != exitInterrupted {
		t.Errorf("interrupted: exit code %d: %s", code, said.String())
	}
	cancel()
	<-seen
	if _, err := os.Stat(folder); err == nil {
		t.Error("something is left on the device after an interrupt")
	}

	// One that is not there does not keep the others from being measured.
	text, errs = wispOn(t, 1, append(bench, "--on", "ssh:x@127.0.0.1:1", "--on", "local")...)
	if err := json.Unmarshal([]byte(text), &both); err != nil {
		t.Fatal(err)
	}
	if len(both.Results) != 2 || both.Devices[0].Measured || both.Devices[0].Why == "" || strings.Count(errs, "ssh:x@127.0.0.1:1: it does not answer") != 1 {
		t.Errorf("one device of two: %d results, %+v, %s", len(both.Results), both.Devices, errs)
	}
	text, _ = wispOn(t, 0, "devices", on, "--json")
	if !strings.Contains(text, `"on": "`+on+`"`) || !strings.Contains(text, `"about": "linux/`) {
		t.Errorf("devices printed %s", text)
	}
	for _, args := range [][]string{{"bench", "ghostnet", "--on", "usb"}, {"bench", "ghostnet", "--on", on, "--engine", "onnxruntime"}, {"bench", "ghostnet", "--on", on, "--cluster", "big", "--cores", "1"},
		{"bench", "ghostnet", "--on", on, "--max-temperature", "0"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--no-record"), strings.NewReader(""), &out, &errs); code != 2 {
			t.Errorf("wisp %v: exit code %d: %s", args, code, errs.String())
		}
	}
}

// labelled makes a small network and six labelled photographs.
func labelled(t *testing.T) (model, data string) {
	t.Helper()
	dir := t.TempDir()
	model, data = filepath.Join(dir, "small.onnx"), filepath.Join(dir, "data")
	wispOn(t, 0, "convert", "mobilenet_v2:0.1@32", "-o", model, "--weights", "synthetic:1")
	os.Mkdir(data, 0o755)
	labels := "file,class,wnid,name\n"
	for i := range 6 {
		img := image.NewRGBA(image.Rect(0, 0, 60, 50))
		for k := range img.Pix {
			img.Pix[k] = byte(k * (i + 3) / 7)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%d.png", i)
		os.WriteFile(filepath.Join(data, name), b.Bytes(), 0o644)
		labels += fmt.Sprintf("%s,%d,,\n", name, i)
	}
	os.WriteFile(filepath.Join(data, "labels.csv"), []byte(labels), 0o644)
	return model, data
}

// predictionsOf evaluates the photographs and returns the predictions, in the order of the images.
func predictionsOf(t *testing.T, model, data string, more ...string) string {
	t.Helper()
	text, _ := wispOn(t, 0, append([]string{"eval", model, "--recipe", "torchvision", "--data", data, "--predictions", t.TempDir(), "--json"}, more...)...)
	var d struct {
		Results []struct {
			Images int
			File   string `json:"predictions_file"`
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil || len(d.Results) != 1 || d.Results[0].Images != 6 {
		t.Fatalf("%v: %s", err, text)
	}
	b, err := os.ReadFile(d.Results[0].File)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n")
	lines := strings.Split(strings.TrimSpace(rest), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestEvalOn: an evaluation on a device finds what this machine finds, image for image.
func TestEvalOn(t *testing.T) {
	on := board(t)
	model, data := labelled(t)
	folder := filepath.Join(t.TempDir(), "device")
	if here, there := predictionsOf(t, model, data), predictionsOf(t, model, data, "--on", on, "--device-dir", folder, "--threads", "2"); here != there {
		t.Errorf("there: %s\nhere: %s", there, here)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("something is left on the device")
	}
}
