// Package runner is the one protocol between wisp and a process that runs a model: JSON
// lines over the process's standard input and output. The process is wisp itself for
// its own engine, a small runner for a foreign one, later a runner on a phone.
//
// It knows pipes, clocks and bounds. It does not know how a model is opened (a Backend
// does), what a figure is worth (bench does), nor any engine.
//
// A conversation: the process says Hello; then each request gets one reply, in turn:
// load, warm, time, profile, feed, stats, and on other machines machine, sense, probe; quit.
// Losing its standard input ends the process.
package runner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version is the version of the protocol. A runner of another version is refused.
const Version = 1

const (
	// MaxLine bounds one message, either way.
	MaxLine = 8 << 20
	// MaxRuns bounds the samples of one time request, so that its reply stays within MaxLine.
	MaxRuns = 1 << 18
	// maxSteps bounds the steps of a profile.
	maxSteps = 1 << 14
)

// Hello is the first message of a runner.
type Hello struct {
	Protocol int    `json:"wisp_runner"`
	Engine   string `json:"engine"`         // "native", "onnxruntime", "tflite"
	Version  string `json:"engine_version"` // the engine's own
	PID      int    `json:"pid"`
	Library  string `json:"library,omitempty"` // the shared library behind a foreign engine
	// Int8Note is what must be known of the answers of 8-bit networks on this processor.
	Int8Note string `json:"int8_note,omitempty"`
}

// LoadRequest names a model and how it is to run.
type LoadRequest struct {
	Model     string `json:"model"`               // a zoo name or a file, as the user wrote it
	Weights   string `json:"weights,omitempty"`   // a file, or synthetic:SEED[,gain=G]; empty: the model's own
	Arch      string `json:"arch,omitempty"`      // the network of a checkpoint, where it must be told
	Threads   int    `json:"threads"`             // cores that one run may use; 0 is 1
	Batch     int    `json:"batch"`               // rows of one run; 0 is 1
	Sessions  int    `json:"sessions,omitempty"`  // that run side by side, Threads each; 0 is 1
	Precision string `json:"precision,omitempty"` // "float32" (also ""), "int8"
	Kernels   string `json:"kernels,omitempty"`   // a kernel variant to force; "" is the best
	Inputs    int    `json:"inputs"`              // how many random inputs to alternate between; 0 is 8
	Seed      uint64 `json:"seed"`                // of those inputs

	// Options are settings of one engine alone.
	Options map[string]string `json:"options,omitempty"`
}

// Port is an input or output of a loaded model.
type Port struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// Description says what was really loaded, for the context of a figure.
type Description struct {
	Model       string `json:"model"`
	Family      string `json:"family,omitempty"`
	Weights     string `json:"weights"`                  // "synthetic:1,gain=0.8", or a file's name
	WeightsHash string `json:"weights_sha256,omitempty"` // of the file
	// Quantization is the identity of integers that were made for the measurement: of the
	// weights, the images and the options. It is "" for floats and for a file of integers.
	Quantization string   `json:"quantization_sha256,omitempty"`
	Precision    string   `json:"precision"`           // really executed
	FellBack     []string `json:"fell_back,omitempty"` // steps that run in another precision than asked
	Threads      int      `json:"threads"`             // really used
	Batch        int      `json:"batch"`
	Sessions     int      `json:"sessions"`
	Inputs       []Port   `json:"inputs"`
	Outputs      []Port   `json:"outputs"`
	CPUFeatures  []string `json:"cpu_features"` // instruction sets that the engine draws its kernels from here
	Kernels      []string `json:"kernels,omitempty"`
	ArenaBytes   int64    `json:"arena_bytes,omitempty"`
	WeightBytes  int64    `json:"weight_bytes,omitempty"`
	Notes        []string `json:"notes,omitempty"`
}

// LoadReply answers a load: the first two of the four clocks, and what was loaded.
type LoadReply struct {
	ReadNS  int64       `json:"read_ns"`  // opening and reading the file, or making the weights up
	BuildNS int64       `json:"build_ns"` // fusing, packing weights, planning
	Model   Description `json:"model"`
}

// WarmRequest asks for untimed runs: at least Runs and MinNS, then, where Within is set,
// until the last Window medians lie within that relative distance of each other, but no
// longer than MaxNS.
type WarmRequest struct {
	Runs   int     `json:"runs"`
	MinNS  int64   `json:"min_ns,omitempty"`
	MaxNS  int64   `json:"max_ns,omitempty"` // 0: no bound
	Window int     `json:"window,omitempty"`
	Within float64 `json:"within,omitempty"`
}

// WarmReply says what the warm-up did. FirstNS is the third clock: the first run after a
// load; later warm-ups give 0.
type WarmReply struct {
	Runs    int   `json:"runs"`
	NS      int64 `json:"ns"`
	FirstNS int64 `json:"first_ns,omitempty"`
	// Stable: the medians settled, or were not asked to.
	Stable bool `json:"stable"`
}

// TimeRequest asks for timed runs: at least Runs and MinNS, but none is begun after
// MaxNS or beyond MaxRuns (0: MaxNS is unbounded, MaxRuns is the protocol's).
type TimeRequest struct {
	Runs    int   `json:"runs"`
	MinNS   int64 `json:"min_ns,omitempty"`
	MaxNS   int64 `json:"max_ns,omitempty"`
	MaxRuns int   `json:"max_runs,omitempty"`
	// Settle runs come untimed between the collection and the first timed run, so that
	// what the collection took from the caches is not in a sample.
	Settle int `json:"settle,omitempty"`
}

// TimeReply holds the fourth clock: one duration for each steady run, in order.
type TimeReply struct {
	SamplesNS []int64 `json:"samples_ns"`
	ElapsedNS int64   `json:"elapsed_ns"`
	// Cut: the bound of time or samples ended it before Runs and MinNS were both reached.
	Cut bool `json:"cut"`
	// Allocs and Collections count what the Go heap did during the timed part (0 is right).
	Allocs      uint64 `json:"allocs"`
	Collections uint32 `json:"collections"`
	// RunsPerSecond is the rate of all sessions together over ElapsedNS.
	RunsPerSecond float64 `json:"runs_per_second"`
	// CPUNS is the processor time of the whole process during the timed part; 0 where unknown.
	CPUNS int64 `json:"cpu_ns,omitempty"`
}

// Timer is what reading the clock costs: the driver's own share of every sample.
type Timer struct {
	CostNS       float64 `json:"cost_ns"`       // of one start and stop
	ResolutionNS int64   `json:"resolution_ns"` // smallest step that was seen
}

// ProfileRequest asks for a per-step profile over some runs of its own.
type ProfileRequest struct {
	Runs int `json:"runs"`
}

// Step is one step of a profile.
type Step struct {
	Name   string `json:"name"`
	Op     string `json:"op"`
	Kernel string `json:"kernel,omitempty"`
	Macs   int64  `json:"macs,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"` // read and written, weights included, each counted once
	Out    []int  `json:"out,omitempty"`   // logical shape of what it computes
	NS     int64  `json:"ns"`              // median over the runs

	// What a step with products is: "pointwise", "dense", "grouped", "depthwise", "linear";
	// products of one output, outputs of a group, stride.
	Kind   string `json:"kind,omitempty"`
	K      int    `json:"k,omitempty"`
	N      int    `json:"n,omitempty"`
	Stride int    `json:"stride,omitempty"`
}

// ProfileReply is the profile; Runs is how many runs stand behind it.
type ProfileReply struct {
	Runs  int    `json:"runs"`
	Steps []Step `json:"steps"`
}

// FeedRequest runs the model once on an input of the parent's: the bytes of its one input, of
// the type and in the order that the load's description gives, little-endian.
type FeedRequest struct {
	Input []byte `json:"input"`
}

// FeedReply holds the first output in the same form, and how long the run itself took.
type FeedReply struct {
	Output []byte `json:"output"`
	NS     int64  `json:"ns"`
}

// StatsReply is what the process knows of itself.
type StatsReply struct {
	// PeakRSSBytes is the largest resident set so far; 0 where the system does not tell,
	// with the reason.
	PeakRSSBytes int64  `json:"peak_rss_bytes"`
	RSSReason    string `json:"rss_reason,omitempty"`
	Timer        Timer  `json:"timer"`
	GoMaxProcs   int    `json:"gomaxprocs"`
	Affinity     []int  `json:"affinity,omitempty"` // cores the process may use, where known
}

// The operations of the protocol.
const (
	opLoad    = "load"
	opWarm    = "warm"
	opTime    = "time"
	opProfile = "profile"
	opFeed    = "feed"
	opStats   = "stats"
	opMachine = "machine"
	opSense   = "sense"
	opProbe   = "probe"
	opQuit    = "quit"
)

type request struct {
	ID   uint64          `json:"id"`
	Op   string          `json:"op"`
	Body json.RawMessage `json:"body,omitempty"`
}

type reply struct {
	ID    uint64          `json:"id"`
	Error *RemoteError    `json:"error,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// Codes that say what kind of failure a runner reports; wisp's exit codes follow them.
const (
	CodeFailed      = "failed"
	CodeUsage       = "usage"
	CodeUnsupported = "unsupported" // an operator, a format or a precision
	CodeRefused     = "refused"     // a damaged file
)

// RemoteError is a failure that a runner reported and survived.
type RemoteError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *RemoteError) Error() string { return e.Message }

// maxMessage bounds an error's text.
const maxMessage = 64 << 10

// remote turns a backend's error into its form on the wire.
func remote(err error) *RemoteError {
	var e *RemoteError
	if errors.As(err, &e) && e == err {
		return e
	}
	code := CodeFailed
	if e != nil {
		code = e.Code
	}
	msg := err.Error()
	if len(msg) > maxMessage {
		msg = msg[:maxMessage] + " …"
	}
	return &RemoteError{Code: code, Message: msg}
}

var errTooLong = fmt.Errorf("a line is longer than %d bytes", MaxLine)

// readLine reads one line of at most MaxLine bytes. A last line without its newline is an
// io.ErrUnexpectedEOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			return nil, errTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// writeLine writes one message in a single Write.
func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) >= MaxLine {
		return errTooLong
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
