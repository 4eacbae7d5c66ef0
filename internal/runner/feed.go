package runner

import (
	"fmt"
	"time"
)

// feed answers a run on the parent's own input.
func (s *server) feed(q FeedRequest) (FeedReply, error) {
	if s.loaded == nil {
		return FeedReply{}, errNotLoaded
	}
	f, ok := s.loaded.(Feeder)
	if !ok {
		return FeedReply{}, &RemoteError{Code: CodeUnsupported, Message: "this runner takes no inputs of the parent's"}
	}
	start := time.Now()
	out, err := f.Feed(q.Input)
	took := time.Since(start)
	if err != nil {
		return FeedReply{}, fmt.Errorf("feed: %w", err)
	}
	return FeedReply{out, int64(took)}, nil
}
