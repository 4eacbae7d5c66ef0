package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPullInterrupted: from a server, stopped on the way, and gone on with by the next
// call.
func TestPullInterrupted(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("WISP_CACHE", cache)
	weights := bytes.Repeat([]byte("PK weights"), 100_000)
	sum := sha256.Sum256(weights)
	half := make(chan bool)
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Range"))
		w.Header().Set("ETag", `"1"`)
		if len(asked) == 1 {
			w.Header().Set("Content-Length", "1000000")
			w.Write(weights[:500_000])
			w.(http.Flusher).Flush()
			close(half)
			<-r.Context().Done()
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(weights))
	}))
	defer s.Close()
	args := []string{"pull", "mnasnet_small", "--from", s.URL + "/w", "--sha256", hex.EncodeToString(sum[:]), "--json"}
	part := filepath.Join(cache, "weights", "mnasnet_small_lamb-aff75073.pth.part")

	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-half
		for range 1000 { // until it has been written down
			if info, err := os.Stat(part); err == nil && info.Size() == 500_000 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		stop()
	}()
	var out, errs strings.Builder
	if code := run(ctx, args, nil, &out, &errs); code != exitInterrupted {
		t.Fatalf("exit code %d, want %d: %s", code, exitInterrupted, errs.String())
	}
	out.Reset()
	errs.Reset()
	if code := run(t.Context(), args, nil, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var doc struct {
		Pulled []pulled `json:"pulled"`
	}
	if err := json.Unmarshal([]byte(out.String()), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Pulled) != 1 || doc.Pulled[0].Bytes != 1_000_000 || doc.Pulled[0].File != strings.TrimSuffix(part, ".part") || doc.Pulled[0].Source != s.URL+"/w/mnasnet_small_lamb-aff75073.pth" {
		t.Errorf("got %+v", doc.Pulled)
	}
	if got := strings.Join(asked, "; "); got != "/w/mnasnet_small_lamb-aff75073.pth ; /w/mnasnet_small_lamb-aff75073.pth bytes=500000-" {
		t.Errorf("asked for %s", got)
	}
}
