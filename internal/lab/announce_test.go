package lab

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestWorkers: a hub's workers are listed by name while they are there; a hub that nobody
// used has none, one that is not there is said with what helps.
func TestWorkers(t *testing.T) {
	h := startHub(t)
	ctx := bounded(t)
	list := func(a Access) ([]Present, error) { return Workers(ctx, a, t.Logf) }
	if got, err := list(Access{URL: h.URL()}); err != nil || len(got) != 0 {
		t.Errorf("an unused hub: got %v, %v", got, err)
	}
	one, cancel := context.WithCancel(ctx)
	done := make(chan error, 2)
	for _, name := range []string{"b", "a"} {
		w := Worker{Access: Access{URL: h.URL()}, Name: name, Cache: t.TempDir(), Hands: 1, Log: func(string, ...any) {}}
		if name == "a" {
			w.Measure = measurer(1, 0, nil, nil)
		}
		go func() { done <- w.Run(one) }()
	}
	var got []Present
	for ; len(got) < 2; pause(ctx, 20*time.Millisecond) {
		var err error
		if got, err = list(Access{URL: h.URL()}); err != nil {
			t.Fatal(err)
		}
	}
	if got[0].Worker != "a" || !got[0].Measures || got[1].Worker != "b" || got[1].Measures || !strings.Contains(got[0].Machine, "/") {
		t.Errorf("got %+v", got)
	}
	cancel()
	<-done
	<-done
	if got, err := list(Access{URL: h.URL()}); err != nil || len(got) != 0 {
		t.Errorf("workers that went: got %v, %v", got, err)
	}
	_, err := list(Access{URL: "nats://me:secret@127.0.0.1:1"})
	var hub *HubError
	if !errors.As(err, &hub) || err.Error() != "lab: hub nats://127.0.0.1:1: it does not answer: is wisp-lab hub running there?" {
		t.Errorf("no hub: got %v", err)
	}
	if _, err := list(Access{URL: h.URL(), User: "me"}); err == nil || !strings.Contains(err.Error(), "user me: want its password in --password-file") {
		t.Errorf("no password: got %v", err)
	}
}

// TestHub: what is secret in a URL is not shown.
func TestHub(t *testing.T) {
	for url, want := range map[string]string{"nats://h:1": "nats://h:1", "nats://token@h:1,tls://a:b@c@i": "nats://h:1,tls://i", "h:1": "h:1", "me@h": "h"} {
		if got := (Access{URL: url}).Hub(); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}
