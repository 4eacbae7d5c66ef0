package runner

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Feed doubles what it is given, but for the model that fails.
func (m *fakeModel) Feed(in []byte) ([]byte, error) {
	if m.q.Model == "narrow" || len(in) == 0 {
		return nil, fmt.Errorf("got %d bytes, want 5", len(in))
	}
	out := make([]byte, len(in))
	for i, x := range in {
		out[i] = 2 * x
	}
	return out, nil
}

func TestFeed(t *testing.T) {
	c, err := start(t, "ok", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Feed([]byte{1}); err == nil || !strings.Contains(err.Error(), "no model is loaded") {
		t.Errorf("before a load: got %v", err)
	}
	if _, err := c.Load(LoadRequest{Model: "m"}); err != nil {
		t.Fatal(err)
	}
	out, took, err := c.Feed([]byte{1, 0, 100})
	if err != nil || !bytes.Equal(out, []byte{2, 0, 200}) || took <= 0 {
		t.Errorf("got %v in %v, %v", out, took, err)
	}
	if _, _, err := c.Feed(nil); err == nil || !strings.Contains(err.Error(), "got 0 bytes") {
		t.Errorf("nothing: got %v", err)
	}
	if _, _, err := c.Feed(make([]byte, MaxLine)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("too long: got %v", err)
	}
}

func TestFeedFails(t *testing.T) {
	c, err := start(t, "ok", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Load(LoadRequest{Model: "narrow"}); err != nil {
		t.Fatal(err)
	}
	var remote *RemoteError
	if _, _, err := c.Feed([]byte{1}); !errors.As(err, &remote) || !strings.Contains(err.Error(), "want 5") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Stats(); err != nil {
		t.Errorf("the conversation is broken: %v", err)
	}
}
