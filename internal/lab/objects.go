package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Models travel through the hub's object store under their SHA-256, and lie in a worker's
// cache under it. Nothing is used whose bytes do not have the hash that the job states.

// putModel brings a file into the store unless it is there. What lies there under its hash
// is read back, since anybody who may write to the store can have put it there: other bytes
// are replaced, which repaired tells.
func (q *queue) putModel(ctx context.Context, path string, m ModelSpec) (repaired bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*transferLimit(m.Bytes))
	defer cancel()
	if info, err := q.models.GetInfo(ctx, m.SHA256); err == nil {
		if int64(info.Size) == m.Bytes && q.holds(ctx, m) {
			return false, nil
		}
		repaired = true
		if err := q.models.Delete(ctx, m.SHA256); err != nil {
			return false, fmt.Errorf("lab: model %s: object store: other bytes lie under its hash and cannot be removed: %w", m.Name, err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := q.models.Put(ctx, jetstream.ObjectMeta{Name: m.SHA256, Description: m.Name}, f); err != nil {
		return false, fmt.Errorf("lab: model %s: object store: %w", m.Name, err)
	}
	return repaired, nil
}

// holds reports whether the store's object is the model.
func (q *queue) holds(ctx context.Context, m ModelSpec) bool {
	r, err := q.models.Get(ctx, m.SHA256)
	if err != nil {
		return false
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, m.Bytes+1))
	return err == nil && n == m.Bytes && hex.EncodeToString(h.Sum(nil)) == m.SHA256
}

// fetch reads an object of a known size and hash into memory.
func fetch(ctx context.Context, store jetstream.ObjectStore, name string, bytes int64, sum string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, transferLimit(bytes))
	defer cancel()
	r, err := store.Get(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, &damagedError{name, "the hub has no such object"}
	}
	if err != nil {
		return nil, &awayError{fmt.Errorf("object store: %w", err)}
	}
	defer r.Close()
	var b sizedBuffer
	b.data = make([]byte, 0, min(bytes, 1<<20)) // grows with what really comes
	_, err = io.Copy(&b, io.LimitReader(r, bytes+1))
	switch got := sha256.Sum256(b.data); {
	case err != nil && !errors.Is(err, jetstream.ErrDigestMismatch):
		return nil, &awayError{fmt.Errorf("object store: %w", err)}
	case int64(len(b.data)) != bytes || hex.EncodeToString(got[:]) != sum:
		return nil, &damagedError{name, "its bytes are not those of its hash"}
	}
	return b.data, nil
}

type sizedBuffer struct{ data []byte }

func (b *sizedBuffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p...)
	return len(p), nil
}

// damagedError is an object that is not what was promised; its coordinator can mend it.
type damagedError struct{ object, why string }

func (e *damagedError) Error() string { return fmt.Sprintf("object %.16s: %s", e.object, e.why) }

// transferLimit bounds a transfer: a minute, and a second for each half mebibyte.
func transferLimit(bytes int64) time.Duration {
	return time.Minute + time.Duration(bytes>>19)*time.Second
}

// fetchModel returns the path of the model's file in the cache, fetching it where it is
// absent. A file of another hash, there or in the store, is refused and not replaced.
func (q *queue) fetchModel(ctx context.Context, cache string, m ModelSpec, limit int64) (string, error) {
	if m.Bytes > limit {
		return "", fmt.Errorf("model %s: it has %d bytes, this worker takes at most %d (--max-model)", m.Name, m.Bytes, limit)
	}
	// Only the extension is the stranger's: the rest of the path is the hash.
	path := filepath.Join(cache, m.SHA256+filepath.Ext(filepath.Base(m.File)))
	if _, err := os.Stat(path); err == nil {
		return path, checkHash(path, m)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, transferLimit(m.Bytes))
	defer cancel()
	r, err := q.models.Get(ctx, m.SHA256)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return "", fmt.Errorf("model %s: %w", m.Name, &damagedError{m.SHA256, "the hub has no such object"})
	}
	if err != nil {
		return "", &awayError{fmt.Errorf("model %s: object store: %w", m.Name, err)}
	}
	defer r.Close()
	tmp, err := os.CreateTemp(cache, ".model-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	_, err = io.Copy(tmp, io.LimitReader(r, m.Bytes+1))
	if cerr := tmp.Close(); err == nil && cerr != nil {
		return "", cerr
	}
	if err != nil && !errors.Is(err, jetstream.ErrDigestMismatch) {
		return "", &awayError{fmt.Errorf("model %s: object store: %w", m.Name, err)}
	}
	if err := checkHash(tmp.Name(), m); err != nil {
		return "", fmt.Errorf("model %s: object store: %w", m.Name, &damagedError{m.SHA256, err.Error()})
	}
	return path, os.Rename(tmp.Name(), path)
}

// awayError is the hub's trouble, which may pass.
type awayError struct{ error }

func (e *awayError) Unwrap() error { return e.error }

var errHash = errors.New("another model hash")

func checkHash(path string, m ModelSpec) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.SHA256 {
		return fmt.Errorf("%s: %w: got %.16s…, want %.16s…", filepath.Base(path), errHash, got, m.SHA256)
	}
	return nil
}
