package device

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// What lies on the device: one folder with the runner and the models, each in a folder named
// by its hash, so that nothing is sent twice and a file keeps its own name.

// survey is what the shell says of a device.
type survey struct {
	system, arch string // as Go names them
	dir          string // wisp's folder, absolute
}

func look(ctx context.Context, l link) (*survey, error) {
	out, err := run(ctx, l, fmt.Sprintf(
		`d=%s; mkdir -p "$d" && cd "$d" && pwd && uname -s && uname -m`, l.folder()))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(out), "\r", ""), "\n")
	if len(lines) < 3 || !path.IsAbs(lines[0]) || strings.Contains(lines[0], "\x00") {
		return nil, fmt.Errorf("its shell answers %.80q", out)
	}
	s := &survey{dir: lines[0]}
	s.system = map[string]string{"Linux": "linux", "Darwin": "darwin"}[lines[1]]
	s.arch = map[string]string{"aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "armv8l": "arm", "armv6l": "arm", "x86_64": "amd64"}[lines[2]]
	if s.system == "" || s.arch == "" {
		return nil, fmt.Errorf("no runner is made for %.40q on %.40q", lines[1], lines[2])
	}
	return s, nil
}

// findRunner finds the runner of a system and architecture on this machine.
func findRunner(folders []string, s *survey) (string, error) {
	name := fmt.Sprintf("wisp-runner-%s-%s", s.system, s.arch)
	for _, dir := range folders {
		if p := filepath.Join(dir, name); isFile(p) {
			return p, nil
		}
		if p := filepath.Join(dir, "wisp-runner"); s.system == runtime.GOOS && s.arch == runtime.GOARCH && isFile(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is not here", name)
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular()
}

// file is one of ours on the device.
type file struct {
	local, remote string
	executable    bool
	size          int64
	sum           string
}

func (d *Device) describe(local string, executable bool) (*file, error) {
	f, err := os.Open(local)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return &file{local: local, remote: path.Join(d.survey.dir, sum[:16], filepath.Base(local)), executable: executable, size: n, sum: sum}, nil
}

// bring has a file on the device, sending it where it is not there whole.
func (d *Device) bring(ctx context.Context, local string, executable bool) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		if f.local == local {
			return f.remote, d.put(ctx, f)
		}
	}
	f, err := d.describe(local, executable)
	if err != nil {
		return "", err
	}
	d.files = append(d.files, f)
	return f.remote, d.put(ctx, f)
}

// put sends a file unless it is there: into a file beside it, renamed when it is whole.
func (d *Device) put(ctx context.Context, f *file) error {
	there, err := run(ctx, d.way(), fmt.Sprintf(`if [ -f %s ]; then sha256sum %s 2>/dev/null || shasum -a 256 %s; fi`, quote(f.remote), quote(f.remote), quote(f.remote)))
	if err == nil && strings.HasPrefix(there, f.sum) {
		return nil
	}
	if errors.Is(err, errLost) {
		return err
	}
	in, err := os.Open(f.local)
	if err != nil {
		return err
	}
	defer in.Close()
	part := f.remote + ".part"
	_, err = run(ctx, d.way(), "mkdir -p "+quote(path.Dir(f.remote)))
	if err == nil {
		err = d.way().push(ctx, part, f.executable, f.size, in)
	}
	if err == nil {
		_, err = run(ctx, d.way(), fmt.Sprintf(`mv %s %s && { sha256sum %s 2>/dev/null || shasum -a 256 %s; }`, quote(part), quote(f.remote), quote(f.remote), quote(f.remote)))
	}
	d.pushed++
	if errors.Is(err, errFull) {
		_, _ = run(ctx, d.way(), "rm -f "+quote(part))
		return &Trouble{d.target.String(), fmt.Sprintf("its disk is full: %s has no room for %s (%.1f MB)", d.survey.dir, filepath.Base(f.local), float64(f.size)/1e6),
			"free some space there, or give another folder with --device-dir", err}
	}
	return err
}

// restore brings back those of our files that went.
func (d *Device) restore(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		if err := d.put(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// clean removes what is wisp's: our files, unfinished ones, and folders that are then empty.
func (d *Device) clean(ctx context.Context) error {
	var words []string
	for _, f := range d.files {
		words = append(words, quote(f.remote), quote(f.remote+".part"))
	}
	slices.Sort(words)
	command := "cd / "
	if len(words) > 0 {
		command += "&& rm -f " + strings.Join(words, " ")
	}
	for _, f := range d.files {
		command += "; rmdir " + quote(path.Dir(f.remote)) + " 2>/dev/null"
	}
	command += fmt.Sprintf("; rmdir %s 2>/dev/null; true", quote(d.survey.dir))
	_, err := run(ctx, d.way(), command)
	return err
}
