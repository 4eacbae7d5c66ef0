package runner

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// feed answers a run on the parent's own numbers.
func (s *server) feed(q FeedRequest) (FeedReply, error) {
	if s.loaded == nil {
		return FeedReply{}, errNotLoaded
	}
	f, ok := s.loaded.(Feeder)
	if !ok {
		return FeedReply{}, &RemoteError{Code: CodeUnsupported, Message: "this runner takes no inputs of the parent's"}
	}
	in, err := unpack(q.Input)
	if err != nil {
		return FeedReply{}, fmt.Errorf("feed: input: %w", err)
	}
	start := time.Now()
	out, err := f.Feed(in)
	took := time.Since(start)
	if err != nil {
		return FeedReply{}, fmt.Errorf("feed: %w", err)
	}
	return FeedReply{pack(out), int64(took)}, nil
}

func pack(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func unpack(b []byte) ([]float32, error) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("got %d bytes, want float32 numbers", len(b))
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}
