package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wispnet/wisp/internal/runner"
)

// link is a way to a device. A connection that broke is an error that wraps runner.ErrLost.
type link interface {
	// start starts a command of the device's shell; its standard error goes to said. A
	// command that ended badly is an *exitError of Conn.Wait.
	start(ctx context.Context, command string, said io.Writer) (*runner.Conn, error)
	// push writes a file of the device, with the mode 0755 or 0644.
	push(ctx context.Context, path string, executable bool, size int64, r io.Reader) error
	// alive reports whether the device answers.
	alive(ctx context.Context) error
	// folder is a shell word of the place for wisp's files.
	folder() string
	// about names the device where the machine itself does not; own is what is only its own.
	about(ctx context.Context) (product, own string)
	close()
}

// exitError says that a command ended with a status other than 0.
type exitError struct{ status int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// maxOutput bounds what a command of the shell may say.
const maxOutput = 1 << 20

// run runs a command of the shell to its end.
func run(ctx context.Context, l link, command string) (string, error) {
	var said bytes.Buffer
	c, err := l.start(ctx, command, &bounded{&said, maxOutput})
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, c.Kill)
	defer stop()
	c.In.Close()
	out, err := io.ReadAll(io.LimitReader(c.Out, maxOutput))
	c.Out.Close()
	werr := c.Wait()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(werr, runner.ErrLost), werr == nil && err != nil:
		return "", fmt.Errorf("shell: %w", runner.ErrLost)
	case werr != nil:
		text := strings.Join(strings.Fields(said.String()+" "+string(out)), " ")
		if len(text) > 300 {
			text = text[:300] + "…"
		}
		if strings.Contains(strings.ToLower(text), "no space left") {
			return "", fmt.Errorf("%w: %s", errFull, text)
		}
		return "", fmt.Errorf("%w: %s", werr, text)
	}
	return string(out), nil
}

// bounded takes so many bytes and drops the rest.
type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	if _, err := b.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// quote makes a word of the POSIX shell of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
