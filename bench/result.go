package bench

import (
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/stat"
)

// Latency summarises the steady runs, in milliseconds. Median is the median of the
// rounds' medians (blocks, or slices at quick) and CI95 its distribution-free interval;
// the other fields are over all samples, none dropped. A null has its reason in
// Report.Nulls.
type Latency struct {
	Median float64        `json:"median"`
	CI95   *stat.Interval `json:"ci95"`
	P90    *float64       `json:"p90"`
	P99    *float64       `json:"p99"`
	Min    float64        `json:"min"`
	Mean   float64        `json:"mean"`
	Stddev *float64       `json:"stddev"`
	MAD    float64        `json:"mad"`
}

// Around holds the stages of one image around a run, in milliseconds: medians.
type Around struct {
	Decode      float64 `json:"decode"`
	Preprocess  float64 `json:"preprocess"`
	Postprocess float64 `json:"postprocess"`
	Recipe      string  `json:"recipe"`
	Photo       string  `json:"photo"`
}

// Throughput is the median of the rounds' images a second, with its distribution-free
// interval.
type Throughput struct {
	Median float64        `json:"median"`
	CI95   *stat.Interval `json:"ci95"`
}

// Grade says how far a figure can be trusted.
type Grade string

const (
	GradeA Grade = "A" // all gates passed
	GradeB Grade = "B" // a reading of the machine is missing, or its governor is not fixed
	GradeC Grade = "C" // throttled or disturbed, an interval over 5 %, or too few samples
)

// Result is one row: one model on one engine.
type Result struct {
	Model         string `json:"model"`
	Engine        string `json:"engine"`
	EngineVersion string `json:"engine_version"`
	Precision     string `json:"precision"`
	Threads       int    `json:"threads"`
	Batch         int    `json:"batch"`
	Sessions      int    `json:"sessions"` // that ran side by side, each with its threads
	Level         string `json:"level"`

	Latency Latency `json:"latency_ms"`
	// Throughput counts the images of all sessions together.
	Throughput Throughput `json:"images_per_second"`
	Samples    int        `json:"samples"`
	Outliers   int        `json:"outliers"` // beyond Tukey's fences; counted, not dropped
	Blocks     int        `json:"blocks"`   // fresh processes
	Slices     int        `json:"slices"`   // per block
	WarmupRuns int        `json:"warmup_runs"`

	// The four clocks: ReadMS + BuildMS = LoadMS, then the first run, then Latency. Medians
	// over the blocks.
	ReadMS     float64 `json:"read_ms"`
	BuildMS    float64 `json:"build_ms"`
	LoadMS     float64 `json:"load_ms"`
	FirstRunMS float64 `json:"first_run_ms"`

	// Around is what comes before and after a run, of no share in the clocks above; nil where
	// nobody timed it.
	Around *Around `json:"around_ms"`

	PeakRSSBytes *int64   `json:"peak_rss_bytes"`
	Weights      string   `json:"weights"`
	Grade        Grade    `json:"grade"`
	GradeReasons []string `json:"grade_reasons"`
	// Rank is 1 + the number of models that are shown to be faster in the same context, or of
	// the rows of one model alone; null where the level does not rank.
	Rank *int `json:"rank"`

	SamplesMS      []float64 `json:"samples_ms"`
	RoundMediansMS []float64 `json:"round_medians_ms"`
	RoundRates     []float64 `json:"round_images_per_second"`

	Timer   runner.Timer       `json:"timer"`
	Loaded  runner.Description `json:"loaded"`
	Before  Reading            `json:"before"`
	After   Reading            `json:"after"`
	Profile *Profile           `json:"profile,omitempty"`

	// rounds holds the rounds' medians by their number, so that results can be paired;
	// rates their images a second.
	rounds, rates map[int]float64
}

// Restore sets what JSON does not hold of a result that was read from it.
func (r *Result) Restore() {
	r.rounds, r.rates = map[int]float64{}, map[int]float64{}
	for i, v := range r.RoundMediansMS {
		r.rounds[i] = v
	}
	for i, v := range r.RoundRates {
		r.rates[i] = v
	}
}

// Verdict is what a comparison comes to.
type Verdict string

const (
	Faster     Verdict = "faster" // a is faster than b
	Slower     Verdict = "slower"
	Tied       Verdict = "~"
	Indicative Verdict = "indicative" // the level does not test
)

// Measures that a comparison can be of.
const (
	OfLatency    = "latency_ms"        // the smaller is the faster
	OfThroughput = "images_per_second" // the larger; rows of several sessions
)

// Comparison sets two rows beside each other: ratio is a's median over b's.
type Comparison struct {
	A       string         `json:"a"`
	B       string         `json:"b"`
	Of      string         `json:"of"`
	Ratio   float64        `json:"ratio"`
	CI95    *stat.Interval `json:"ci95"`
	P       *float64       `json:"p_holm,omitempty"` // Mann-Whitney on the blocks' medians, adjusted
	Verdict Verdict        `json:"verdict"`
	// SameModel: it is engines or precisions that are compared.
	SameModel bool `json:"same_model"`
	// Differs names the fields of context that differ although they should not; only
	// with Force.
	Differs []string `json:"differs_in,omitempty"`
}

// Report is what a measurement comes to.
type Report struct {
	Level       Level        `json:"level"`
	Seed        uint64       `json:"seed"`
	Results     []Result     `json:"results"`
	Comparisons []Comparison `json:"comparisons"`
	Diagnostics []string     `json:"diagnostics"` // what a reader of the figures must know
	// Nulls has the reason of every field that is null; they belong among a JSON document's
	// diagnostics and would be noise in a terminal.
	Nulls []string `json:"nulls"`
	// Failed holds the subjects that have no result.
	Failed []*SubjectError `json:"-"`
}

// Worst is the lowest grade of the results; "" without results.
func (r *Report) Worst() Grade {
	var g Grade
	for i := range r.Results {
		g = max(g, r.Results[i].Grade)
	}
	return g
}
