# make test    everything that must hold: vet, format, all tests with the race detector
# make fuzz    every fuzz target for FUZZTIME each (30s)
# make crash   the tests that kill the server, and only those
# make bench   the benchmarks beside the code; bench/ measures whole servers
#
# The tests against real mail programs install them on Debian when they may
# (root). Without root they run with what is there, and one line says what was
# left out; with CI=true leaving out is failing.

GO ?= go
FUZZTIME ?= 30s

.PHONY: test lint tools fuzz crash bench

test: lint tools
	$(GO) test -race ./...

lint:
	$(GO) vet ./...
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -l:"; echo "$$unformatted"; exit 1; }

tools:
	@if [ ! -x interop/install.sh ]; then \
		echo "left out: the programs of interop/ (there is no interop/install.sh)"; [ "$(CI)" != true ]; \
	elif [ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then \
		interop/install.sh; \
	else \
		echo "left out: installing the programs of interop/ (needs root on Debian)"; [ "$(CI)" != true ]; \
	fi

# go test fuzzes one target of one package at a time.
fuzz:
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file); \
		done; \
	done

crash:
	$(GO) test -count=1 -run 'Crash|Kill' ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
