# Everything a person or a machine does with this repository. `make help` lists it.

GO       ?= go
GOLANGCI ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZ     ?= 30s
COUNT    ?= 10
DATA     ?= ../shared/data
# Vector instructions from the standard toolchain, where it has them (docs/adr/0009): four times as fast live. GOEXPERIMENT= builds without.
export GOEXPERIMENT ?= $(shell GOEXPERIMENT=simd $(GO) version >/dev/null 2>&1 && echo simd)
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Packages with more than one goroutine: the race detector is worth its cost there.
RACE     := ./stream/... ./internal/corpus/... ./internal/train/... ./cmd/...

.DEFAULT_GOAL := help
.PHONY: help deps deps-train build demo test race lint fmt fuzz soak bench train check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the system packages that building and testing need
	@.ci/deps build

deps-train: deps ## install what training and unpacking the data need besides
	@.ci/deps train

build: deps ## build bin/sotto (TAGS=openblas, after deps-train: fast training and paper experiments)
	@$(GO) build -tags '$(TAGS)' -ldflags '-X main.version=$(VERSION)' -o bin/sotto ./cmd/sotto

demo: build ## clean the bundled noisy clip: sound, picture and scores in build/demo
	@bin/sotto demo --force -o build/demo

test: deps ## run every test
	$(GO) test ./...

race: deps ## run the concurrent packages under the race detector
	$(GO) test -race $$($(GO) list $(RACE) 2>/dev/null)

lint: deps ## vet, golangci-lint with the layering rules, and the formatters
	$(GO) vet ./...
	$(GO) run $(GOLANGCI) run ./...

fmt: ## format every file
	$(GO) run $(GOLANGCI) fmt ./...

fuzz: deps ## fuzz every target for FUZZ=30s
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) -fuzzminimizetime 10x $$pkg || exit 1; \
		done; \
	done

soak: deps ## run the live engine for 15 simulated minutes between two clocks 200 ppm apart
	$(GO) test ./stream -run Soak -soak 15m -v

bench: deps ## run the benchmarks COUNT=10 times, in the form benchstat reads
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

train: assets/models/default.safetensors ## train the shipped model from DATA=../shared/data; a stopped run goes on

# The recipe for the dictionaries and the network; assets/MODELS.md has what it gave. The demonstration clip's recordings are left out; its voice is
# one of those to validate on, which the dictionaries do not see.
FIRST_HOURS   ?= 84
SECOND_HOURS  ?= 216
THIRD_HOURS   ?= 225
FOURTH_HOURS  ?= 240
FIFTH_HOURS   ?= 200
SIXTH_HOURS   ?= 188
SEVENTH_HOURS ?= 168
TRAIN_HOURS   ?= 105
TRAIN_BIN   := build/train/sotto
DEMO_SPEECH := lstc100__26__26-495-0000
DEMO_NOISE  := gsc__running_tap
# OpenBLAS knows only processors older than itself and is ten times slower on others: name the kernels by what the processor can do.
export OPENBLAS_CORETYPE ?= $(shell awk '/^flags/ { print / avx512vl/ ? "SkylakeX" : / avx2/ ? "Haswell" : ""; exit }' /proc/cpuinfo 2>/dev/null)
SPEECH_DIRS := build/data/speech/train,build/data/speech/train_more

$(TRAIN_BIN): deps-train build/data/.unpacked
	$(GO) build -tags openblas -o $@ ./cmd/sotto

build/train/speech.dict: | $(TRAIN_BIN)
	$(TRAIN_BIN) train dict --data $(SPEECH_DIRS) --screen --rank 256 --frames 200000 --epochs 10 --kl-weight 0.2 -o $@

build/train/noise.dict: | $(TRAIN_BIN)
	$(TRAIN_BIN) train dict --data build/data/noise/train --rank 128 --frames 100000 --epochs 10 --kl-weight 0.2 --exclude $(DEMO_NOISE) -o $@

TRAIN_NET := train net --speech $(SPEECH_DIRS) --noise build/data/noise/train --validation-speech build/data/speech/dev \
	--speech-dict build/train/speech.dict --noise-dict build/train/noise.dict --weight lstc100=3,vctk=3 --exclude $(DEMO_SPEECH),$(DEMO_NOISE) --name sotto-16ms --force

# First the network over frozen dictionaries, then all of it, with the stage after the mask, then the cues and the filter, then the listener, then a third layer,
# then intelligibility, then mixtures it has not heard, then recordings with floors of their own.
build/train/first.safetensors: build/train/speech.dict build/train/noise.dict
	$(TRAIN_BIN) $(TRAIN_NET) --hours $(FIRST_HOURS) --work build/train/first -o $@

build/train/second.safetensors: build/train/first.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< --refine --tune-from 0.02 --regression-hours 0 --hours $(SECOND_HOURS) --work build/train/second -o $@

TRAIN_STAGES := --refine --tune-from 0 --floor-cues --phase-cues 48 --filter-taps 5 --regression-hours 0

build/train/third.safetensors: build/train/second.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) --hours $(THIRD_HOURS) --work build/train/third -o $@

TRAIN_LISTENING := --loss-listening 0.5 --loss-sisdr 0.06 --filter-rate 0.2

build/train/fourth.safetensors: build/train/third.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) $(TRAIN_LISTENING) --filter-bare 0.2 --hours $(FOURTH_HOURS) --work build/train/fourth -o $@

build/train/fifth.safetensors: build/train/fourth.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) $(TRAIN_LISTENING) --filter-bare 0.1 --layers 3 --hours $(FIFTH_HOURS) --work build/train/fifth -o $@

TRAIN_THREE := --filter-rate 0.2 --filter-bare 0.1 --layers 3
TRAIN_UNDERSTANDING := $(TRAIN_THREE) --loss-listening 0.8 --loss-intelligibility 2

build/train/sixth.safetensors: build/train/fifth.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) $(TRAIN_UNDERSTANDING) --loss-sisdr 0.06 --hours $(SIXTH_HOURS) --work build/train/sixth -o $@

build/train/seventh.safetensors: build/train/sixth.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) $(TRAIN_UNDERSTANDING) --loss-sisdr 0.08 --mix-seed 7 --rate 7e-4 --hours $(SEVENTH_HOURS) --work build/train/seventh -o $@

assets/models/default.safetensors: build/train/seventh.safetensors
	$(TRAIN_BIN) $(TRAIN_NET) --start $< $(TRAIN_STAGES) $(TRAIN_THREE) --loss-listening 1 --loss-intelligibility 2.5 --loss-sisdr 0.08 --mix-seed 8 --rate 6e-4 --hours $(TRAIN_HOURS) --work build/train/net -o $@

build/data/.unpacked: $(DATA)/unpack.sh
	$(DATA)/unpack.sh build/data
	@touch $@

check: ## everything that .ci/run checks
	@.ci/run

clean: ## remove what was built (not the training data in build/data)
	rm -rf bin build/demo
	$(GO) clean -testcache
