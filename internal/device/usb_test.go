package device

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plug gives the real adb server a USB device that it may read and not write to, as where a
// udev rule is missing: a file with an adb device's descriptors, in a /dev of its own that is
// mounted read-only, which testdata/usb.c makes look like a device.
func plug(t *testing.T) ADBOptions {
	t.Helper()
	if testing.Short() {
		t.Skip("starts adb's server")
	}
	for _, name := range []string{"adb", "cc", "unshare"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not here", name)
		}
	}
	dir := t.TempDir()
	shim := filepath.Join(dir, "usb.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", shim, "testdata/usb.c", "-ldl").CombinedOutput(); err != nil {
		t.Skipf("no C for this system: %v: %s", err, out)
	}
	// USB 2.0, chapter 9: a device, its configuration, adb's interface (class ff, subclass 42,
	// protocol 1), an endpoint for each direction.
	descriptors := []byte{18, 1, 0, 2, 0, 0, 0, 64, 0xd1, 0x18, 0xe7, 0x4e, 0, 1, 1, 2, 3, 1,
		9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 0xff, 0x42, 1, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x01, 2, 0, 2, 0}
	if err := os.WriteFile(filepath.Join(dir, "descriptors"), descriptors, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	script := `set -e; cd "$0"; mkdir dev; mount -t tmpfs none dev; mkdir -p dev/bus/usb/001
for x in null zero random urandom; do touch dev/$x; mount --bind /dev/$x dev/$x; done
mount --bind dev /dev; mount -t tmpfs none /dev/bus/usb; mkdir /dev/bus/usb/001; cp descriptors /dev/bus/usb/001/002; mount -o remount,ro /dev/bus/usb
echo ready; LD_PRELOAD="$0/usb.so" exec adb -P "$1" nodaemon server`
	args := []string{"-m", "sh", "-c", script, dir, port}
	if os.Geteuid() != 0 {
		args = append([]string{"-r"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "ANDROID_USER_HOME="+filepath.Join(dir, ".android"), "ADB_LIBUSB=0")
	said := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	o := ADBOptions{Server: "127.0.0.1:" + port, NoStart: true}
	for ctx := limited(t); pause(ctx, 50*1e6); {
		if all, err := adbDevices(ctx, o); err == nil && len(all) > 0 {
			return o
		}
		select {
		case <-ended:
			if !strings.Contains(said.String(), "ready") {
				t.Skipf("no /dev of its own can be had here: %s", said.String())
			}
			t.Fatalf("adb's server ended: %s", said.String())
		default:
		}
	}
	t.Fatalf("adb's server sees no device: %s", said.String())
	return o
}

// TestADBNoPermissions: a phone on USB whose udev rule is missing is one line with what helps.
func TestADBNoPermissions(t *testing.T) {
	o := plug(t)
	all, err := adbDevices(limited(t), o)
	if err != nil || len(all) != 1 || all[0].state != "no permissions" || all[0].serial != "" {
		t.Errorf("got %+v, %v", all, err)
	}
	list := List(limited(t), nil, Options{ADB: o})
	if len(list) != 2 || list[1].On != "adb" || !strings.HasPrefix(list[1].State, "this user may not speak to it (") || !strings.Contains(list[1].Remedy, "add a udev rule") {
		t.Errorf("devices: %+v", list)
	}
	_, err = Open(limited(t), Target{Kind: "adb"}, Options{ADB: o})
	if err == nil || !strings.HasPrefix(err.Error(), "adb: this user may not speak to it (") || !strings.Contains(err.Error(), ": add a udev rule for the phone (Debian: apt install android-sdk-platform-tools-common)") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}
