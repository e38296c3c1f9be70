# The commands of this repository. `make check` is all that CI runs.

GOLANGCI_LINT  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# A module of its own, with kinds from outside: the tests build and run it.
EXTENSION      := examples/custom-kind
# The editor of the console, and what is built of it.
EDITOR         := internal/console/editor
ISLAND         := internal/console/assets/built/manifest.json
GOVULNCHECK    := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Packages that do not link the embedded Temporal server: the race detector runs on them in reasonable time.
RACE := . ./activities/... ./nodes/... ./receiver/... ./workflows/... ./internal/access/... ./internal/address/... ./internal/admin/... ./internal/api/... ./internal/apiclient/... ./internal/assist/... ./internal/backup/... ./internal/bodyschema/... ./internal/catalog/... ./internal/clients/... ./internal/compile/... ./internal/console/... \
	./internal/deliverylog/... ./internal/egress/... ./internal/engine/... ./internal/flowdiff/... ./internal/flowdir/... ./internal/flowfile/... ./internal/flowtest/... ./internal/inbox/... ./internal/jmespath/... ./internal/jobs/... ./internal/jsonpath/... ./internal/live/... ./internal/outline/... ./internal/packed/... ./internal/payloads/... ./internal/places/... ./internal/query/... ./internal/runs/... ./internal/schema/... ./internal/secrets/... ./internal/signature/... ./internal/sources/... ./internal/store/... ./internal/strict/... ./internal/subflow/... ./internal/telemetry/...

VOLUME := RandomFlows|TimedFlows|WorkOnData|ComparableFlows|HundredThousand|BoundedNumberOfCalls|IsQuickOnHostileFiles|LimitsOfARunAreThose|AsLongAsItsItemsAreLarge|BombCostsTheLimit
# The example server of zitadel/oidc, which these tests sign in at, shares a variable between its instances.
FOREIGN := AtAProvider|AProviderThatIsAway|PersonOfAProvider|AnotherProviderEnds

.DEFAULT_GOAL := help
.PHONY: openapi help run console consoletest check test race lint format docs extension axe bench chaos nightly mutants fuzz random noembedded build vulnerabilities

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 20

run: console ## Start everything with the examples
	go run ./cmd/everhook dev ./examples

console: ## Build the editor of the console, with Node 20 or newer; it is embedded in the binary
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(ISLAND); \
	else echo "Node is missing: the binary serves everything but the editor of flows"; fi

$(ISLAND): $(shell find $(EDITOR) -name node_modules -prune -o -type f -print)
	npm ci --ignore-scripts --no-audit --no-fund --silent --prefix $(EDITOR)
	npm run build --silent --prefix $(EDITOR)

consoletest: console ## The types and unit tests of the editor, and the walks in Chromium
	npm run check --silent --prefix $(EDITOR)
	npm test --silent --prefix $(EDITOR)
	go test ./internal/walk

check: ## Everything that CI checks, with the seconds of each step
	@for step in format lint openapi consoletest test race noembedded; do \
	  began=$$(date +%s); echo "== make $$step"; $(MAKE) --no-print-directory $$step || exit 1; echo "== make $$step: $$(($$(date +%s) - began)) s"; done

test: ## All tests
	go test ./...

race: ## The race detector, on what does not link the Temporal server; without tests of volume, which race no more than others and take minutes
	go test -race -skip '$(VOLUME)|$(FOREIGN)' $(RACE)

format: ## Fail if a file is not formatted
	@files=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$files" ]; then echo "not gofmt-clean:"; echo "$$files"; exit 1; fi

lint: ## golangci-lint (go vet, import rules, determinism) and kindcheck (determinism through all calls)
	go run $(GOLANGCI_LINT) run --allow-parallel-runners
	go run ./cmd/kindcheck ./nodes/... ./workflows/... ./internal/engine/...
	cd $(EXTENSION) && go vet ./... && go tool kindcheck ./kinds

openapi: ## Lint docs/openapi.json by @redocly/cli, which npm fetches
	@npm ci --no-audit --no-fund --silent --prefix internal/api/testdata/redocly
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true internal/api/testdata/redocly/node_modules/.bin/redocly lint \
	  --config internal/api/testdata/redocly/redocly.yaml docs/openapi.json

extension: ## Bring the module of examples/custom-kind in step with this one
	cd $(EXTENSION) && go mod tidy

noembedded: ## The binary without the Temporal server builds
	go build -tags noembedded -o /dev/null ./cmd/everhook

build: ## The binary, in bin/
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/everhook ./cmd/everhook

docs: ## Write the generated pages, the schema, and the comments that they are made from again
	go generate ./...
	cd $(EXTENSION) && go generate ./...
	go test ./docs -update
	go generate ./internal/apiclient

axe: ## Fetch axe-core, with npm: the tests of the pages check its rules in Chromium
	npm ci --no-audit --no-fund --prefix internal/console/testdata/axe

bench: ## The performance bars, as ratios in one run
	go test -run '^$$' -bench . -benchtime 2s ./nodes/... ./internal/compile ./receiver ./workflows
	go test -run '^$$' -bench . -benchtime 1x ./internal/bench

chaos: ## Faults of the machine, for half an hour: kills, freezes, a full disk, a clock set back, overload, storms
	go test -count 1 -v -timeout 90m ./internal/chaos -long

nightly: ## Tests that take longer than CI has
	go test -tags nightly -run Nightly -timeout 60m ./internal/integration

# With TEMPORAL_DEBUG, the SDK does not take slow workflow code for a deadlock.
mutants: ## Small changes of the code that the tests must notice: 200 of each package
	go run ./internal/mutants ./receiver
	go run ./internal/mutants -tests ./nodes,./internal/engine,./internal/compile ./nodes
	go run ./internal/mutants -tests ./nodes/expression,./internal/compile,./nodes ./nodes/expression
	TEMPORAL_DEBUG=1 go run ./internal/mutants -tests ./internal/engine,./nodes,./workflows ./internal/engine
	TEMPORAL_DEBUG=1 go run ./internal/mutants -tests ./workflows,./internal/flowtest ./workflows

fuzz: ## Every fuzz target, ten seconds each
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime 10s $$package || exit 1; done; done

random: ## Many random flows: run, replayed, handed over and killed; -seed N in place of -random runs one of them
	go test ./workflows -run Random -random 2000 -timeout 60m
	go test ./internal/integration -run Random -random 500 -timeout 60m
	go test ./internal/flowedit -edits 10000

vulnerabilities: ## govulncheck, where its database can be reached
	@go run $(GOVULNCHECK) ./... || echo "govulncheck did not run or found something: see above"
