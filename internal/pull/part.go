package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
)

// part is a file on its way: its bytes so far, their running hash, and on disk beside
// them what is needed to go on in another call.
type part struct {
	f      *os.File
	path   string
	sum    hash.Hash
	n      int64 // bytes so far
	kept   int64 // of them, those that an earlier call brought
	joined bool  // the bytes are of several answers of a server
	state  state
}

// state is what a later call must know of a part.
type state struct {
	Source string `json:"source"`
	// Validator is the server's ETag (strong) or Last-Modified of the whole file.
	Validator string `json:"validator,omitempty"`
}

const stateSuffix = ".json"

// openPart opens a part for appending and hashes what is there; what came from
// elsewhere is dropped.
func openPart(ctx context.Context, path, source string) (*part, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	p := &part{f: f, path: path, sum: sha256.New()}
	if data, err := os.ReadFile(path + stateSuffix); err == nil {
		_ = json.Unmarshal(data, &p.state) // a damaged one is no state
	}
	if p.state.Source != redact(source) {
		p.state = state{Source: redact(source)}
		if err := p.reset(); err != nil {
			f.Close()
			return nil, err
		}
		return p, nil
	}
	if p.n, err = io.Copy(p.sum, &ctxReader{ctx, f}); err != nil {
		f.Close()
		return nil, err
	}
	p.kept = p.n
	return p, nil
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.n += int64(n)
	if err != nil {
		return n, cacheError(err)
	}
	return n, nil
}

// reset begins anew.
func (p *part) reset() error {
	p.sum.Reset()
	p.n, p.kept, p.joined, p.state.Validator = 0, 0, false, ""
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	_, err := p.f.Seek(0, io.SeekStart)
	return err
}

// save writes the state; a part whose state could not be written is fetched anew.
func (p *part) save() error {
	data, err := json.Marshal(p.state)
	if err != nil {
		return err
	}
	return os.WriteFile(p.path+stateSuffix, data, 0o644)
}

func (p *part) sync() error {
	if err := p.f.Sync(); err != nil {
		return cacheError(err)
	}
	return nil
}

func (p *part) hex() string { return hex.EncodeToString(p.sum.Sum(nil)) }

func (p *part) close() { p.f.Close() }

// remove deletes the part.
func (p *part) remove() {
	p.f.Close()
	os.Remove(p.path)
	os.Remove(p.path + stateSuffix)
}
