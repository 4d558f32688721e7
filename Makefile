# make help lists the targets.

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo development)
GO      ?= go
GOFLAGS += -trimpath
LDFLAGS := -s -w -X main.version=$(VERSION)

# Without a C compiler the program is built in plain Go: slower, the same results.
ifeq ($(shell command -v $(firstword $(shell $(GO) env CC 2>/dev/null) gcc) 2>/dev/null),)
export CGO_ENABLED = 0
endif

.PHONY: help build run test check bench demo-model generate shaders fuzz clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## the program, ./loraedge
	@[ -z "$$CGO_ENABLED" ] || [ "$$CGO_ENABLED" != 0 ] || echo "no C compiler: building in plain Go, which trains several times slower"
	$(GO) build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o loraedge ./cmd/loraedge

run: build ## fine-tune the embedded demo, then score it before and after
	./loraedge run lora.toml --overwrite
	./loraedge eval lora.toml --data embedded:demo/test.json --exact

test: ## all tests
	$(GO) test ./...

check: ## format, vet, lint, modules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks inherit,-ST1005 ./... # ST1005 would have names of formats in lower case
	$(GO) mod verify

bench: ## speed of the CPU kernels against this machine's own peak
	$(GO) test ./backends/cpu -run '^$$' -bench . -benchtime 1x

shaders: ## SPIR-V of the Vulkan kernels, after a change of shaders/*.comp (Debian or Ubuntu)
	shaders/compile

fuzz: ## each fuzz test for FUZZTIME (10s; 1000x is so many inputs)
	@mkdir -p .cache
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test $$p -list '^Fuzz' 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s} -fuzzminimizetime 20x >.cache/fuzz.log 2>&1 || { cat .cache/fuzz.log; exit 1; }; \
	  done; \
	done

demo-model: build ## make the embedded demo model again, from random weights (about 15 minutes)
	$(GO) run ./tools/demo/generate -corpus .cache/demo/corpus.jsonl -data demo/data
	$(GO) run ./tools/demo/tokenizer -corpus .cache/demo/corpus.jsonl -out demo/model/tokenizer.json
	./loraedge run tools/demo/pretrain.toml --overwrite
	cp out/demo-model/model.safetensors demo/model/

generate: ## generated code and pages
	$(GO) generate ./...

clean: ## what was built and trained
	rm -rf loraedge out dist .cache
