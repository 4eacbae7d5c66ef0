package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/runner"
)

// lab is a machine and its engines under a clock of its own: nothing sleeps, and a second
// of measuring takes microseconds.
type lab struct {
	now   time.Duration
	rng   *rand.Rand
	noise float64
	// load slows the machine by a factor, as a function of the time.
	load func(now time.Duration) float64

	latency   map[string]time.Duration
	fail      map[string]string // model → the request that fails
	unstable  bool
	busyShare float64

	launched []string // in order
	timed    []string
	requests []runner.TimeRequest
	open     int
	slept    time.Duration
	onTime   func(n int)
	sensors  func() Reading
	profiled []string
}

func newLab() *lab {
	return &lab{
		rng: rand.New(rand.NewPCG(5, 6)), noise: 0.002,
		load:    func(time.Duration) float64 { return 1 },
		latency: map[string]time.Duration{"a": 10 * time.Millisecond, "b": 20 * time.Millisecond, "c": 10010 * time.Microsecond},
		fail:    map[string]string{},
	}
}

func (l *lab) run(model string) int64 {
	d := time.Duration(float64(l.latency[model]) * l.load(l.now) * (1 + l.noise*l.rng.Float64()))
	l.now += d
	return int64(d)
}

type proc struct {
	l     *lab
	model string
	runs  int

	engine   string
	sessions int
}

func (l *lab) launch(ctx context.Context, s Subject) (Process, error) {
	if l.fail[s.Model] == "launch" {
		return nil, errors.New("no such engine")
	}
	l.launched = append(l.launched, s.Model)
	l.open++
	return &proc{l: l, model: s.Model, engine: s.Engine}, nil
}

func (p *proc) Hello() runner.Hello { return runner.Hello{Engine: p.engine, Version: "9"} }

func (p *proc) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	if p.l.fail[p.model] == "load" {
		return runner.LoadReply{}, &runner.RemoteError{Code: runner.CodeUnsupported, Message: "op Foo"}
	}
	p.sessions = max(q.Sessions, 1)
	return runner.LoadReply{ReadNS: 3e6, BuildNS: 4e6, Model: runner.Description{
		Precision: "float32", Threads: max(q.Threads, 1), Batch: max(q.Batch, 1), Sessions: max(q.Sessions, 1), Weights: "synthetic:1"}}, nil
}

func (p *proc) Warm(q runner.WarmRequest) (runner.WarmReply, error) {
	r := runner.WarmReply{Stable: !p.l.unstable}
	for r.Runs < q.Runs || r.NS < q.MinNS {
		r.NS += p.l.run(p.model)
		r.Runs++
	}
	r.FirstNS = 50e6
	return r, nil
}

func (p *proc) Time(q runner.TimeRequest) (runner.TimeReply, error) {
	p.l.timed = append(p.l.timed, p.model)
	p.l.requests = append(p.l.requests, q)
	if p.l.onTime != nil {
		p.l.onTime(len(p.l.timed))
	}
	if p.l.fail[p.model] == "time" && len(p.l.timed) > 3 {
		return runner.TimeReply{}, errors.New("the process died")
	}
	var r runner.TimeReply
	for len(r.SamplesNS) == 0 || (q.MaxNS <= 0 || r.ElapsedNS < q.MaxNS) && (len(r.SamplesNS) < q.Runs || r.ElapsedNS < q.MinNS) {
		d := p.l.run(p.model)
		r.SamplesNS = append(r.SamplesNS, d)
		r.ElapsedNS += d
	}
	r.Cut = len(r.SamplesNS) < q.Runs || r.ElapsedNS < q.MinNS
	r.RunsPerSecond = float64(p.sessions) * float64(len(r.SamplesNS)) / (float64(r.ElapsedNS) / 1e9)
	if p.l.busyShare > 0 {
		r.CPUNS = int64(float64(r.ElapsedNS) * (1 - p.l.busyShare))
	}
	return r, nil
}

func (p *proc) Profile(q runner.ProfileRequest) (runner.ProfileReply, error) {
	p.l.profiled = append(p.l.profiled, p.model)
	if p.l.fail[p.model] == "profile" {
		return runner.ProfileReply{}, errors.New("this engine has no per-step profile")
	}
	return runner.ProfileReply{Runs: q.Runs, Steps: []runner.Step{{Name: "stem", Op: "Conv", NS: 5e5}}}, nil
}

func (p *proc) Stats() (runner.StatsReply, error) {
	return runner.StatsReply{PeakRSSBytes: 7 << 20, Timer: runner.Timer{CostNS: 40, ResolutionNS: 1}}, nil
}

func (p *proc) Close() error { p.l.open--; return nil }

func ptr[T any](v T) *T { return &v }

// whole is a machine that hides nothing.
func whole() Reading {
	return Reading{Governor: ptr("performance"), MHz: ptr(3000.0), Celsius: ptr(50.0), Throttled: ptr(int64(0)), Load: ptr(0.1), Ticks: ptr(int64(1)), StealTicks: ptr(int64(0))}
}

func (l *lab) plan(level string, models ...string) Plan {
	lv, err := FindLevel(level)
	if err != nil {
		panic(err)
	}
	p := Plan{Level: lv, Seed: 1, Launch: l.launch,
		Sensors: whole,
		Probe: func() time.Duration {
			return time.Duration(5e6 * l.load(l.now))
		},
		Sleep: func(_ context.Context, d time.Duration) error { l.now += d; l.slept += d; return nil },
	}
	if l.sensors != nil {
		p.Sensors = l.sensors
	}
	for _, m := range models {
		p.Subjects = append(p.Subjects, Subject{Model: m, Engine: "native"})
	}
	return p
}

func mustRun(t *testing.T, p Plan) *Report {
	t.Helper()
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestQuick(t *testing.T) {
	l := newLab()
	r := mustRun(t, l.plan("quick", "a", "b"))
	if got := strings.Join(l.timed, ""); got != "ab"+"ba"+"ba"+"ab"+"ab"+"ba" {
		t.Errorf("order: got %s", got)
	}
	if got := strings.Join(l.launched, ""); got != "ab" {
		t.Errorf("one process each: got %s", got)
	}
	if l.open != 0 {
		t.Errorf("%d processes are still open", l.open)
	}
	a, b := r.Results[0], r.Results[1]
	if a.Samples < 20 || b.Samples < 20 || a.Blocks != 1 || a.Slices != 6 || a.WarmupRuns != 3 {
		t.Errorf("a: %d samples, %d blocks, %d slices, %d warm-up runs", a.Samples, a.Blocks, a.Slices, a.WarmupRuns)
	}
	total := 0.0
	for _, v := range a.SamplesMS {
		total += v
	}
	if total < 1000 {
		t.Errorf("a: timed %.0f ms, want a second", total)
	}
	if math.Abs(a.Latency.Median-10) > 0.05 || math.Abs(b.Latency.Median-20) > 0.1 {
		t.Errorf("medians: %v, %v", a.Latency.Median, b.Latency.Median)
	}
	if a.LoadMS != 7 || a.ReadMS != 3 || a.BuildMS != 4 || a.FirstRunMS != 50 || *a.PeakRSSBytes != 7<<20 || a.Weights != "synthetic:1" {
		t.Errorf("clocks: got %+v", a)
	}
	if a.Grade != GradeA || len(a.GradeReasons) != 0 {
		t.Errorf("grade: got %s %v", a.Grade, a.GradeReasons)
	}
	if a.Rank != nil {
		t.Errorf("quick ranks nothing, got rank %d", *a.Rank)
	}
	if len(r.Comparisons) != 1 {
		t.Fatalf("comparisons: got %v", r.Comparisons)
	}
	c := r.Comparisons[0]
	if c.A != "a" || c.B != "b" || c.Verdict != Indicative || math.Abs(c.Ratio-0.5) > 0.002 || !c.CI95.Contains(c.Ratio) {
		t.Errorf("comparison: got %+v", c)
	}
	// 17 samples a slice: p90 has its 64, p99 not its 662, and says so.
	if a.Latency.P90 == nil || a.Latency.P99 != nil || !slices.ContainsFunc(r.Nulls, func(d string) bool {
		return strings.Contains(d, "a on native: latency_ms.p99 is null") && strings.Contains(d, "662")
	}) {
		t.Errorf("percentiles: %v %v %q", a.Latency.P90, a.Latency.P99, r.Nulls)
	}
}

// TestFields holds the names that users' scripts read.
func TestFields(t *testing.T) {
	l := newLab()
	b, err := json.Marshal(mustRun(t, l.plan("quick", "a", "b")))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Results     []map[string]any `json:"results"`
		Comparisons []map[string]any `json:"comparisons"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	has := func(m map[string]any, keys string) {
		t.Helper()
		for _, k := range strings.Fields(keys) {
			if _, ok := m[k]; !ok {
				t.Errorf("no field %s", k)
			}
		}
	}
	r := doc.Results[0]
	has(r, "model engine engine_version precision threads batch latency_ms samples blocks warmup_runs load_ms first_run_ms peak_rss_bytes weights grade samples_ms")
	has(r["latency_ms"].(map[string]any), "median ci95 p90 p99 min mean stddev mad")
	has(doc.Comparisons[0], "a b ratio ci95 verdict")
	if ci, ok := r["latency_ms"].(map[string]any)["ci95"].([]any); !ok || len(ci) != 2 {
		t.Errorf("ci95: got %v", r["latency_ms"])
	}
}

func TestStandard(t *testing.T) {
	l := newLab()
	r := mustRun(t, l.plan("standard", "a", "b", "c"))
	if len(l.launched) != 24 || l.open != 0 {
		t.Errorf("%d processes, %d open; want 8 fresh ones each", len(l.launched), l.open)
	}
	for round := range 8 {
		got := slices.Sorted(slices.Values(l.launched[3*round : 3*round+3]))
		if strings.Join(got, "") != "abc" {
			t.Errorf("round %d: got %v", round, got)
		}
	}
	if strings.Join(l.launched, "") == strings.Repeat("abc", 8) {
		t.Error("the order is not random")
	}
	again := newLab()
	mustRun(t, again.plan("standard", "a", "b", "c"))
	if !slices.Equal(again.launched, l.launched) {
		t.Error("the same seed gives another order")
	}
	p := newLab().plan("standard", "a", "b", "c")
	p.Seed = 2
	if a, b := Schedule(p.Level, 3, 1), Schedule(p.Level, 3, 2); slices.Equal(a, b) {
		t.Error("another seed gives the same order")
	}
	for i, q := range l.requests {
		if q.Runs != 100 || q.MinNS != 3e9 {
			t.Fatalf("request %d: got %+v", i, q)
		}
	}
	ranks := []int{}
	for _, x := range r.Results {
		ranks = append(ranks, *x.Rank)
		if x.Blocks != 8 || x.Samples < 800 || x.Latency.P99 == nil && x.Samples >= 662 || x.Grade != GradeA {
			t.Errorf("%s: %d blocks, %d samples, grade %s %v", x.Model, x.Blocks, x.Samples, x.Grade, x.GradeReasons)
		}
	}
	// a and c differ by 0.1 %: a sure difference, but below the practical threshold.
	if !slices.Equal(ranks, []int{1, 3, 1}) {
		t.Errorf("ranks: got %v", ranks)
	}
	want := map[string]Verdict{"ab": Faster, "ac": Tied, "bc": Slower}
	for _, c := range r.Comparisons {
		if c.Verdict != want[c.A+c.B] || c.P == nil {
			t.Errorf("%s %s: got %s", c.A, c.B, c.Verdict)
		}
	}
}

func TestPublishFloors(t *testing.T) {
	l, err := FindLevel("publish")
	if err != nil {
		t.Fatal(err)
	}
	if l.Runs*l.Blocks < 1024 || l.Time*time.Duration(l.Blocks) < time.Minute || l.Blocks != 10 {
		t.Errorf("publish: got %+v", l)
	}
	_, err = FindLevel("perfect")
	var unknown *UnknownLevelError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "quick, standard, publish") {
		t.Errorf("got %v", err)
	}
}

// TestBusyMachine: another load on the machine for half of the time lowers the grade and
// widens the interval instead of silently moving the median.
func TestBusyMachine(t *testing.T) {
	for _, level := range []string{"quick", "standard"} {
		calm, busy := newLab(), newLab()
		slow := false
		busy.load = func(now time.Duration) float64 {
			if slow {
				return 1.6
			}
			return 1
		}
		busy.onTime = func(n int) { slow = n%4 >= 2 }
		p := busy.plan(level, "a", "b")
		p.Probe = func() time.Duration { return 5e6 } // the probe misses it: it falls between
		r, c := mustRun(t, p), mustRun(t, calm.plan(level, "a", "b"))
		for i := range r.Results {
			got, was := r.Results[i], c.Results[i]
			if got.Grade != GradeC || got.Latency.CI95.HalfWidth() < 10*was.Latency.CI95.HalfWidth() {
				t.Errorf("%s %s: grade %s, interval %v, calm %v", level, got.Model, got.Grade, got.Latency.CI95, was.Latency.CI95)
			}
			// The two labs draw other noise, of 0.2 % at the most.
			if iv := got.Latency.CI95; iv.Lo > 1.002*was.Latency.Median || iv.Hi < was.Latency.Median {
				t.Errorf("%s %s: interval %v misses the calm median %v", level, got.Model, got.Latency.CI95, was.Latency.Median)
			}
		}
	}
}

func TestThrottledMachineWaits(t *testing.T) {
	l := newLab()
	hot := func(now time.Duration) bool { return now > 20*time.Second && now < 50*time.Second }
	l.load = func(now time.Duration) float64 {
		if hot(now) {
			return 1.5
		}
		return 1
	}
	r := mustRun(t, l.plan("standard", "a"))
	if l.slept < 5*time.Second {
		t.Errorf("waited %v for the machine to cool", l.slept)
	}
	// The block that began before it got hot shows in the interval; the others do not.
	if x := r.Results[0]; x.Latency.Median > 10.1 {
		t.Errorf("median %v", x.Latency.Median)
	}
	l = newLab()
	l.load = func(now time.Duration) float64 { return 1 + 0.3*min(1, now.Seconds()/10) }
	r = mustRun(t, l.plan("standard", "a"))
	if x := r.Results[0]; x.Grade != GradeC || !strings.Contains(fmt.Sprint(x.GradeReasons), "throttled or busy: fixed work took 30 % longer at the end") ||
		!strings.Contains(fmt.Sprint(x.GradeReasons), "of 8 blocks began although") {
		t.Errorf("never cools: grade %s %v", x.Grade, x.GradeReasons)
	}
	if l.slept != 2*time.Minute {
		t.Errorf("never cools: waited %v in all, want 2 minutes", l.slept)
	}
}

func TestGrades(t *testing.T) {
	reading := func(change func(*Reading)) func(l *lab, p *Plan) {
		return func(l *lab, p *Plan) {
			p.Sensors = func() Reading { r := whole(); change(&r); return r }
		}
	}
	count := int64(0)
	for _, c := range []struct {
		name   string
		change func(*lab, *Plan)
		grade  Grade
		reason string
	}{
		{"all well", func(*lab, *Plan) {}, GradeA, "[]"},
		{"no sensors", func(_ *lab, p *Plan) { p.Sensors = nil }, GradeB, "temperature: not readable"},
		{"no thermometer", reading(func(r *Reading) {
			r.Celsius, r.Missing = nil, []Absent{{SensorTemperature, "the virtual machine has none"}}
		}), GradeB, "temperature: the virtual machine has none"},
		{"governor", reading(func(r *Reading) { r.Governor = ptr("schedutil") }), GradeB, "governor is schedutil, not fixed"},
		{"throttle count", reading(func(r *Reading) { count++; r.Throttled = ptr(count) }), GradeC, "throttled: the hardware counted"},
		{"steal", reading(func(r *Reading) { count++; r.Ticks, r.StealTicks = ptr(10*count), ptr(count) }), GradeC, "hypervisor gave 10 %"},
		{"unstable", func(l *lab, _ *Plan) { l.unstable = true }, GradeC, "did not settle in 1 of 1 blocks"},
		{"busy", func(l *lab, _ *Plan) { l.busyShare = 0.3 }, GradeC, "a processor for 70 %"},
		{"noisy", func(l *lab, _ *Plan) { l.noise = 2 }, GradeC, "interval of"},
		{"fast as the clock", func(l *lab, p *Plan) { l.latency["a"] = 2 * time.Microsecond; p.MinTime = time.Millisecond }, GradeC, "reading the clock"},
		{"cut", func(l *lab, p *Plan) { p.MaxTime = 60 * time.Millisecond }, GradeC, "too few samples: 6 of 20 runs"},
		{"few", func(l *lab, p *Plan) { p.Runs = 1; p.MinTime = time.Millisecond }, GradeA, ""},
	} {
		l := newLab()
		p := l.plan("quick", "a")
		c.change(l, &p)
		r := mustRun(t, p)
		x := r.Results[0]
		if x.Grade != c.grade || !strings.Contains(fmt.Sprint(x.GradeReasons), c.reason) {
			t.Errorf("%s: got %s %q", c.name, x.Grade, x.GradeReasons)
		}
		if r.Worst() != x.Grade {
			t.Errorf("%s: worst is %s", c.name, r.Worst())
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFailuresStayApart(t *testing.T) {
	for _, where := range []string{"launch", "load", "time"} {
		l := newLab()
		l.fail["b"] = where
		r, err := Run(t.Context(), l.plan("quick", "a", "b", "c"))
		var s *SubjectError
		if !errors.As(err, &s) || s.Model != "b" {
			t.Errorf("%s: got %v", where, err)
		}
		if len(r.Results) != 2 || len(r.Comparisons) != 1 || len(r.Failed) != 1 || l.open != 0 {
			t.Errorf("%s: %d results, %d failed, %d open", where, len(r.Results), len(r.Failed), l.open)
		}
		var remote *runner.RemoteError
		if where == "load" && (!errors.As(err, &remote) || remote.Code != runner.CodeUnsupported) {
			t.Errorf("the kind of the failure is lost: %v", err)
		}
	}
}

func TestInterruptKeepsWhatIsDone(t *testing.T) {
	for _, level := range []string{"quick", "standard"} {
		ctx, cancel := context.WithCancel(t.Context())
		l := newLab()
		l.onTime = func(n int) {
			if n == 5 {
				cancel()
			}
		}
		r, err := Run(ctx, l.plan(level, "a", "b"))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", level, err)
		}
		if len(r.Results) != 2 || l.open != 0 || len(l.timed) != 5 {
			t.Fatalf("%s: %d results, %d open, %d turns", level, len(r.Results), l.open, len(l.timed))
		}
		for _, x := range r.Results {
			if x.Grade != GradeC || x.Samples == 0 || x.Latency.CI95 != nil {
				t.Errorf("%s: %s: grade %s", level, x.Model, x.Grade)
			}
		}
		if !strings.Contains(fmt.Sprint(r.Diagnostics), "interrupted after") || !strings.Contains(fmt.Sprint(r.Nulls), "ci95 is null") {
			t.Errorf("%s: %q", level, r.Diagnostics)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Run(ctx, newLab().plan("quick", "a"))
	if !errors.Is(err, context.Canceled) || len(r.Results) != 0 {
		t.Errorf("cancelled before: got %v, %v", r.Results, err)
	}
}

func TestGuard(t *testing.T) {
	l := newLab()
	p := l.plan("quick", "a", "b")
	p.Subjects[1].Load.Threads = 2
	p.Guard = func(a, b *Result) []string {
		if a.Threads != b.Threads {
			return []string{"threads"}
		}
		return nil
	}
	r := mustRun(t, p)
	if len(r.Comparisons) != 0 || !strings.Contains(fmt.Sprint(r.Diagnostics), "contexts differ in threads") {
		t.Errorf("got %v, %q", r.Comparisons, r.Diagnostics)
	}
	p.Force = true
	if r = mustRun(t, p); len(r.Comparisons) != 1 || !slices.Equal(r.Comparisons[0].Differs, []string{"threads"}) {
		t.Errorf("forced: got %v", r.Comparisons)
	}
}

func TestLabels(t *testing.T) {
	l := newLab()
	p := l.plan("quick", "a", "a", "b")
	p.Subjects[1].Load.Threads = 2
	r := mustRun(t, p)
	got := []string{}
	for _, c := range r.Comparisons {
		got = append(got, c.A+"/"+c.B)
	}
	if want := []string{"a t1/a t2", "a t1/b", "a t2/b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProfile(t *testing.T) {
	l := newLab()
	l.fail["b"] = "profile"
	p := l.plan("quick", "a", "b")
	p.Profile = 5
	var phases []string
	p.Progress = func(e Event) { phases = append(phases, e.Phase) }
	r := mustRun(t, p)
	if pr := r.Results[0].Profile; pr == nil || pr.Runs != 5 || pr.Steps[0].MS != 0.5 || len(l.profiled) != 2 {
		t.Errorf("got %+v", pr)
	}
	if r.Results[1].Profile != nil || !strings.Contains(fmt.Sprint(r.Diagnostics), "b on native: profile is missing") {
		t.Errorf("got %q", r.Diagnostics)
	}
	if i := slices.Index(phases, "profile"); i < 0 || slices.Contains(phases[:i], "profile") {
		t.Errorf("phases: %q", phases)
	}
}

func TestBadPlans(t *testing.T) {
	l := newLab()
	for _, change := range []func(*Plan){
		func(p *Plan) { p.Subjects = nil },
		func(p *Plan) { p.Launch = nil },
		func(p *Plan) { p.Level = Level{} },
		func(p *Plan) { p.MinTime, p.MaxTime = 2*time.Second, time.Second },
	} {
		p := l.plan("quick", "a")
		change(&p)
		if r, err := Run(t.Context(), p); err == nil || r == nil {
			t.Errorf("got %v, %v", r, err)
		}
	}
}

func TestGate(t *testing.T) {
	l := newLab()
	p := l.plan("quick", "a", "b")
	r := mustRun(t, p)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	base, err := ReadBaseline(strings.NewReader(string(b)))
	if err != nil || len(base) != 2 || base[0].Model != "a" || base[0].MedianMS != r.Results[0].Latency.Median {
		t.Fatalf("got %+v, %v", base, err)
	}
	l.latency["a"] = 11 * time.Millisecond
	now := mustRun(t, l.plan("quick", "a", "b", "c"))
	rows, missing, err := Gating{FailOver: 0.05}.Gate(now.Results, base)
	if err != nil || len(rows) != 2 || !rows[0].Failed || rows[1].Failed || math.Abs(rows[0].Ratio-1.1) > 0.01 || !slices.Equal(missing, []string{"c"}) {
		t.Errorf("got %+v, %v, %v", rows, missing, err)
	}
	if rows, _, _ := (Gating{FailOver: 0.2}).Gate(now.Results, base); rows[0].Failed {
		t.Error("10 % failed at a tolerance of 20 %")
	}
	if _, _, err := (Gating{FailOver: 0.05}).Gate(now.Results[2:], base); err == nil {
		t.Error("a gate that compares nothing passed")
	}
	if _, _, err := (Gating{FailOver: math.NaN()}).Gate(now.Results, base); err == nil {
		t.Error("NaN tolerance: got no error")
	}
	// Getting faster passes a gate; a figure that is to hold must not move either way.
	l.latency["a"] = 9 * time.Millisecond
	now = mustRun(t, l.plan("quick", "a"))
	for both, want := range map[bool]bool{false: false, true: true} {
		rows, _, err := Gating{FailOver: 0.05, Both: both}.Gate(now.Results, base)
		if err != nil || rows[0].Failed != want || rows[0].CI95 == nil || !rows[0].CI95.Contains(0.9) {
			t.Errorf("10 %% faster, both %v: got %+v, %v", both, rows, err)
		}
	}
	unlike := Gating{FailOver: 0.05, Guard: func(*Result, int) []string { return []string{"cpu"} }}
	var refused *UnlikeError
	if _, _, err := unlike.Gate(now.Results, base); !errors.As(err, &refused) || !strings.Contains(err.Error(), "cpu") {
		t.Errorf("unlike: got %v", err)
	}
	unlike.Force = true
	if rows, _, err := unlike.Gate(now.Results, base); err != nil || len(rows[0].Differs) != 1 {
		t.Errorf("unlike by force: got %+v, %v", rows, err)
	}
	for _, s := range []string{"", "x", "[]", "{}", `{"results":[]}`, `{"results":[{"model":"a"}]}`, `{"results":[{"model":"a","latency_ms":{"median":null}}]}`,
		`{"results":[{"model":"a","latency_ms":{"median":0}}]}`, `{"results":[{"model":"a","latency_ms":{"median":1e-320}}]}`, `{"results":[{"model":"a","latency_ms":{"median":1e999}}]}`} {
		if _, err := ReadBaseline(strings.NewReader(s)); !errors.Is(err, ErrNoBaseline) {
			t.Errorf("%q: got %v", s, err)
		}
	}
}

func TestParseTolerance(t *testing.T) {
	for s, want := range map[string]float64{"5%": 0.05, "0.05": 0.05, " 12.5 % ": 0.125, "0": 0} {
		if got, err := ParseTolerance(s); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "%", "-1%", "NaN", "Inf", "5 percent", "1e9"} {
		if got, err := ParseTolerance(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

func FuzzReadBaseline(f *testing.F) {
	f.Add([]byte(`{"results":[{"model":"a","engine":"native","latency_ms":{"median":1.5}}]}`))
	f.Add([]byte(`{"results":[{"model":"a","latency_ms":{"median":-1}}]}`))
	f.Add([]byte(`{"results":7}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		base, err := ReadBaseline(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, e := range base {
			if e.Model == "" || !(e.MedianMS > 0) || math.IsInf(e.MedianMS, 0) {
				t.Errorf("got %+v", e)
			}
		}
	})
}

// TestABBA: a steady drift of the machine must not favour either of two equal models.
func TestABBA(t *testing.T) {
	l := newLab()
	l.noise = 0
	l.latency["b"] = l.latency["a"]
	l.load = func(now time.Duration) float64 { return 1 + now.Seconds()/10 }
	r := mustRun(t, l.plan("quick", "a", "b"))
	if c := r.Comparisons[0]; math.Abs(c.Ratio-1) > 0.01 || !c.CI95.Contains(1) {
		t.Errorf("equal models on a drifting machine: %+v", c)
	}
}

func TestCPUProbe(t *testing.T) {
	if d := CPUProbe(); d <= 0 || d > 5*time.Second {
		t.Errorf("got %v", d)
	}
}

// A kept process of several threads is left to sleep before another is timed; one thread
// has nothing that goes on after a run.
func TestSettles(t *testing.T) {
	for threads, want := range map[int]bool{1: false, 2: true} {
		l := newLab()
		p := l.plan("quick", "a", "b")
		for i := range p.Subjects {
			p.Subjects[i].Load.Threads = threads
		}
		mustRun(t, p)
		if slept := l.slept > 0; slept != want {
			t.Errorf("%d threads: slept %v, want it %v", threads, l.slept, want)
		}
	}
}

// TestAgain: a turn whose connection broke is done again in a fresh process, as often as it
// may; what is no broken connection is not.
func TestAgain(t *testing.T) {
	l := Level{Name: "t", Blocks: 1, Slices: 3, Order: ABBA, WarmRuns: 1, Runs: 3}
	broke := errors.New("broken")
	for name, x := range map[string]struct {
		breaks int // how many turns break
		again  bool
		rounds int
	}{"back": {1, true, 3}, "gone": {1, false, 0}, "never well": {1000, true, 0}} {
		launched, breaks, asked := 0, x.breaks, 0
		p := Plan{Level: l, Subjects: []Subject{{Model: "a", Engine: "native"}}, Probe: func() time.Duration { return 1 },
			Launch: func(context.Context, Subject) (Process, error) {
				launched++
				return &breaking{&breaks, broke}, nil
			},
			Again: func(_ context.Context, err error) error {
				asked++
				if !errors.Is(err, broke) {
					t.Errorf("%s: asked of %v", name, err)
				}
				if !x.again {
					return err
				}
				return nil
			}}
		r, err := Run(t.Context(), p)
		rounds := 0
		if len(r.Results) == 1 {
			rounds = len(r.Results[0].RoundMediansMS)
		}
		if rounds != x.rounds || (err == nil) != (x.rounds > 0) {
			t.Errorf("%s: %d rounds, %v, launched %d times, asked %d times", name, rounds, err, launched, asked)
		}
		if x.rounds > 0 && (launched != 2 || !strings.Contains(strings.Join(r.Diagnostics, " "), "1 turns were done again")) {
			t.Errorf("%s: launched %d times, said %q", name, launched, r.Diagnostics)
		}
	}
}

// breaking is a process that breaks in so many of its timed parts.
type breaking struct {
	left *int
	err  error
}

func (b *breaking) Hello() runner.Hello { return runner.Hello{Engine: "native"} }
func (b *breaking) Load(runner.LoadRequest) (runner.LoadReply, error) {
	return runner.LoadReply{ReadNS: 1, BuildNS: 1, Model: runner.Description{Precision: "float32", Threads: 1, Batch: 1}}, nil
}
func (b *breaking) Warm(runner.WarmRequest) (runner.WarmReply, error) {
	return runner.WarmReply{Runs: 1, FirstNS: 1, Stable: true}, nil
}
func (b *breaking) Time(runner.TimeRequest) (runner.TimeReply, error) {
	if *b.left > 0 {
		*b.left--
		return runner.TimeReply{}, b.err
	}
	return runner.TimeReply{SamplesNS: []int64{5, 6, 7}, ElapsedNS: 18, RunsPerSecond: 1}, nil
}
func (b *breaking) Profile(runner.ProfileRequest) (runner.ProfileReply, error) {
	return runner.ProfileReply{}, nil
}
func (b *breaking) Stats() (runner.StatsReply, error) { return runner.StatsReply{PeakRSSBytes: 1}, nil }
func (b *breaking) Close() error                      { return nil }
