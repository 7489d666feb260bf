# make test    everything that must hold: vet, format, all tests with the race detector
# make fuzz    every fuzz target for FUZZTIME each (30s)
# make crash   the tests that kill the server, and only those: KILLS (200) times
#              under a load from all its doors, and between any two verbs of the
#              store; those that make its disk fail, up to the FAULTS-th (300) call
#              of each kind; CUTS (20000) power cuts on recorded disks; then
#              MIXTURE (50000) recipients at hosts that misbehave, without kills and
#              with one every 5 seconds; CORPUS (5000) odd messages through mbsync
#              and fetchmail; then MANY (60) seconds of many IMAP clients in one
#              mailbox
# make bench   whole servers, Posthorn beside Postfix and Dovecot: bench/ says
#              what BENCHFLAGS may be
# make micro   the benchmarks beside the code; POSTHORN_LETTERS (5000) messages in
#              that of the search index
#
# POSTHORN_QUEUE (20000) is how many messages the test of a large queue has; no
# target makes it larger.
#
# Temporary files go where TMPDIR says; on a slow or small /tmp set another.
#
# The tests against real mail programs install them on Debian when they may
# (root). Without root they run with what is there, and one line says what was
# left out; with CI=true leaving out is failing.

GO ?= go
FUZZTIME ?= 30s
KILLS ?= 200
CUTS ?= 20000
FAULTS ?= 300
MIXTURE ?= 50000
CORPUS ?= 5000
MANY ?= 60

.PHONY: test lint tools fuzz crash bench micro

# -count=1: interop/ builds and runs the program, of which go test's cache
# knows nothing. A busy machine may take longer than the ten minutes go test
# gives each package.
test: lint tools
	$(GO) test -race -count=1 -timeout 30m ./...

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

# go test fuzzes one target of one package at a time. When time is up while an
# input runs, it may fail with that alone: no input was found wrong then.
fuzz:
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$target"; \
			out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) 2>&1) && continue; \
			echo "$$out"; \
			case "$$out" in \
			*"Failing input"*) exit 1;; \
			*"    context deadline exceeded"*) ;; \
			*) exit 1;; \
			esac; \
		done; \
	done

crash: tools
	POSTHORN_KILLS=$(KILLS) $(GO) test -count=1 -timeout 30m -run 'Crash|Kill|UnderLoad' ./...
	POSTHORN_CUTS=$(CUTS) POSTHORN_FAULTS=$(FAULTS) $(GO) test -count=1 -timeout 120m -run 'PowerCut|TestFaults' ./store
	POSTHORN_MIXTURE=$(MIXTURE) $(GO) test -count=1 -timeout 60m -run 'TestMixture' ./interop
	POSTHORN_CORPUS=$(CORPUS) $(GO) test -count=1 -timeout 60m -run 'TestMbsync|TestFetchmail' ./interop
	POSTHORN_MANY=$(MANY) $(GO) test -race -count=1 -timeout 60m -run 'TestManyClients' ./imapd

bench: tools
	$(GO) run ./bench $(BENCHFLAGS)

micro:
	$(GO) test -run '^$$' -bench . -benchmem ./...
