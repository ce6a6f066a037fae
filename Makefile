# Everything a person or a machine does with this repository. `make help` lists it.

GO       ?= go
GOLANGCI ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZ     ?= 30s
COUNT    ?= 10
DATA     ?= ../shared/data
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Packages with more than one goroutine: the race detector is worth its cost there.
RACE     := ./stream/... ./internal/corpus/... ./internal/train/... ./cmd/...

.DEFAULT_GOAL := help
.PHONY: help deps deps-train build demo test race lint fmt fuzz bench train check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the system packages that building and testing need
	@.ci/deps build

deps-train: deps ## install what training and unpacking the data need besides
	@.ci/deps train

build: deps ## build bin/sotto
	@$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/sotto ./cmd/sotto

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
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
		done; \
	done

bench: deps ## run the benchmarks COUNT=10 times, in the form benchstat reads
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

train: deps-train build/data/.unpacked ## train the shipped model from DATA=../shared/data
	@echo "make train: not wired yet" && false

build/data/.unpacked: $(DATA)/unpack.sh
	$(DATA)/unpack.sh build/data
	@touch $@

check: ## everything that .ci/run checks
	@.ci/run

clean: ## remove what was built (not the training data in build/data)
	rm -rf bin build/demo
	$(GO) clean -testcache
