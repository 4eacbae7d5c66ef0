# The only entry points; .ci/run calls nothing else.
GO ?= go

.PHONY: check test short race purego cross arm64 runners fmt vet generate bench gain fuzz build lab

check: fmt vet test race purego cross runners arm64

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o . ./cmd/wisp ./cmd/wisp-ort ./cmd/wisp-tfl ./cmd/wisp-lab

# A slow machine may need more than go's ten minutes for a package, where CI makes the tests thorough.
test:
	$(GO) test -timeout 40m ./...

short:
	$(GO) test -short ./...

# What runs several goroutines, under the race detector (needs a C compiler).
race:
	CGO_ENABLED=1 $(GO) test -timeout 40m -race -short ./engine ./internal/runner ./bench ./eval ./internal/lab ./internal/device ./internal/web ./internal/interp .

# The pure-Go twins alone.
purego:
	$(GO) build -tags purego ./... && $(GO) test -short -tags purego ./internal/kernel ./engine

cross:
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath ./...
	CGO_ENABLED=0 GOOS=android GOARCH=arm64 $(GO) build -trimpath ./...
	GOOS=js GOARCH=wasm $(GO) build -trimpath -o /dev/null ./cmd/wisp-wasm

# The kernels of arm64 and the networks on them, emulated on a processor without dot products, on
# one with them, which only networks of bytes notice, and on one with everything. Says so where
# there is no emulator.
ARM64 = arm64-cortex-a53 arm64-cortex-a76 arm64-max
.PHONY: $(ARM64)
arm64:
	@if ! command -v qemu-aarch64-static >/dev/null; then echo "arm64: skipped: qemu-aarch64-static is not installed (Debian: qemu-user-static)"; else \
	  $(MAKE) --no-print-directory -j2 --output-sync $(ARM64); fi

arm64-cortex-a53: SETS = neon
arm64-cortex-a76: SETS = neon,doti8
arm64-max: SETS = neon,doti8,i8mm
arm64-cortex-a53 arm64-max: NETS = TestGoldens|TestCases|TestTFLiteBytes
arm64-cortex-a76: NETS = TestTFLiteBytes
$(ARM64): export WISP_REQUIRE = $(SETS)
$(ARM64): export GOARCH = arm64
$(ARM64): export CGO_ENABLED = 0
$(ARM64): arm64-%:
	@echo "arm64: on $*"
	@$(GO) test -short -exec "qemu-aarch64-static -cpu $*" ./internal/kernel ./internal/cpu ./internal/fixed
	@$(GO) test -short -exec "qemu-aarch64-static -cpu $*" -run '$(NETS)' ./engine

# What wisp bench --on pushes to phones and boards, beside wisp.
RUNNERS = android/arm64 linux/arm64 linux/arm darwin/arm64 linux/amd64
runners:
	@for t in $(RUNNERS); do \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -trimpath -ldflags '-s -w' -o wisp-runner-$${t%/*}-$${t#*/} ./cmd/wisp-runner || exit 1; \
	done; ls -l wisp-runner-*
	WISP_RUNNERS="$(CURDIR)" $(GO) test -count=1 -run TestTargets ./cmd/wisp-runner

fmt:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files"; exit 1; }

vet:
	$(GO) vet ./...

# What many machines must bear, with the figures: 100,000 keys; workers killed, paused and cut
# off, the hub killed; every form of credentials; images that travel; measurements.
lab:
	WISP_LAB=1 WISP_THOROUGH=1 $(GO) test -count=1 -v -run 'ManyKeys|SentImages|Credentials|TLS|Measure|Cluster|Killed|Bench|SentEvaluation|LikeWisp' ./internal/lab ./cmd/wisp-lab

# The assembly from its generators; the result is committed and must not differ.
generate:
	cd internal/kernel/_asm && $(GO) run ./amd64 .. && $(GO) run ./arm64 ..

bench:
	$(GO) test -run '^$$' -bench . -benchtime 20x ./engine ./internal/kernel

# How much better than plain min-max the recommended quantization is, for every network of the
# table: min-max dB, recommended dB, gain, per cent of the multiply-adds in float32, seconds.
gain:
	WISP_GAIN=all $(GO) test -run TestGain -timeout 30m -v ./quant

# Random networks through every reader, writer, engine and runtime, CASES of each kind; the daily
# tests and CI draw the first of them. ONNX Runtime and TensorFlow Lite take part where their
# libraries are found.
CASES ?= 20000
.PHONY: random
random:
	WISP_RANDOM=$(CASES) $(GO) test -count=1 -timeout 12h -run 'TestRandom|TestStyled|TestQuantizedONNX|TestFloatONNX|TestWrittenBytes' \
	  ./engine ./format/onnx ./format/tflite ./quant ./cmd/wisp-ort ./cmd/wisp-tfl

# Ten minutes for every fuzz target; FUZZTIME=30s for a quick look.
FUZZTIME ?= 10m
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg || exit 1; \
	  done; done

# The analysis in a browser, as static files: serve out/wasm by anything.
WASM ?= out/wasm
.PHONY: wasm
wasm:
	mkdir -p $(WASM)
	GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $(WASM)/wisp.wasm ./cmd/wisp-wasm
	cp cmd/wisp-wasm/page/* internal/web/static/wisp.css "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(WASM)/
