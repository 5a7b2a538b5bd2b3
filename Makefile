# The user's way in. Meson and ninja do the work.
BUILD     ?= build
SANITIZED ?= build-sanitized
FUZZ      ?= build-fuzz
PREFIX    ?= /usr/local
NINJA      = ninja -C $(BUILD)
comma     := ,

all: $(BUILD)/build.ninja
	@$(NINJA) --quiet

# Every Debian package that building, the demo and the tests need: scripts/packages. Silent when all are there.
deps:
	@scripts/deps packages

$(BUILD)/build.ninja:
	@meson setup $(BUILD) -Dbuildtype=release --prefix=$(PREFIX) >/dev/null

$(SANITIZED)/build.ninja:
	@meson setup $(SANITIZED) -Doptimization=1 -Ddebug=true -Db_sanitize=address,undefined -Db_lundef=false \
		-Dwerror=true >/dev/null

demo: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) scripts/demo

# All tests; TESTS="interop/escape codec/slc" runs these alone.
check: deps
	@$(MAKE) --no-print-directory --silent $(BUILD)/build.ninja $(SANITIZED)/build.ninja
	@tests/run $(BUILD) $(SANITIZED) $(TESTS)

# The operator's page in a real Chromium. Screenshots are in $(BUILD)/browser afterwards.
check-browser: deps
	@scripts/deps packages-browser
	@$(MAKE) --no-print-directory all
	@tests/browser/dashboard.py $(BUILD)
	@tests/browser/publish.py $(BUILD)

# docs/dashboard.png, of a server that was under load for MINUTES.
pictures: deps
	@scripts/deps packages-browser
	@$(MAKE) --no-print-directory all
	@scripts/pictures $(BUILD) $(or $(MINUTES),6)

# gcc -fanalyzer, clang-tidy and cppcheck over all C files, or over FILES="src/base/file.c …"; what was clean and is unchanged is
# not looked at again.
lint: deps
	@scripts/deps packages-lint
	@BUILD=$(BUILD) scripts/lint $(FILES)

# Each verb and a server under memcheck, in a build of its own.
valgrind: deps
	@scripts/deps packages-valgrind
	@scripts/valgrind

# What `make check` samples, at every point; docs/reliability.md has what came of it. SCENES="'fetch map'" EVERY=10: see the programs.
faults: deps
	@$(MAKE) --no-print-directory all
	@tests/fault/everywhere.py $(BUILD) $(if $(EVERY),--every $(EVERY)) $(SCENES)

starve powerloss: deps
	@$(MAKE) --no-print-directory all
	@$(NINJA) --quiet fuzz/archive-corpus fuzz/slc-corpus
	@tests/fault/$@.py $(BUILD) $(if $(EVERY),--every $(EVERY)) $(SCENES)

# Looks for faults in parsers and whole connections: SECONDS=60 for each target of fuzz/targets, TARGETS="polp slc" for some.
# bash has a variable SECONDS of its own, which does not count.
fuzz: deps
	@scripts/deps packages-fuzz
	@test -f $(FUZZ)/build.ninja || CC=clang meson setup $(FUZZ) -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false >/dev/null
	@ninja -C $(FUZZ) --quiet fuzzers
	@scripts/fuzz $(FUZZ) $(if $(filter command,$(origin SECONDS)),$(SECONDS),60) $(TARGETS)

# Beside other programs; WRITE=1 replaces a part of docs/performance.md. ROWS=map,levels ROUNDS=3 SMALL=1: see the programs.
bench-publish bench-fetch: bench-%: bench-deps
	@BUILD=$(BUILD) WRITE=$(WRITE) ROWS=$(ROWS) ROUNDS=$(ROUNDS) SMALL=$(SMALL) bench/$*

bench-tls: bench-deps
	@BUILD=$(BUILD) bench/tls

bench-serve: bench-deps
	@BUILD=$(BUILD) bench/serve $(if $(WRITE),--write)

# A mixed load for MINUTES: nothing may grow. Floods, and a good client's share beside them. BUILD=build-tsan takes that build.
soak flood: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) bench/$@ $(if $(filter soak,$@),$(or $(MINUTES),10))

# For ThreadSanitizer: make build-tsan/build.ninja && ninja -C build-tsan && bench/soak
build-tsan/build.ninja:
	@meson setup build-tsan -Doptimization=1 -Ddebug=true -Db_sanitize=thread -Db_lundef=false >/dev/null

bench-deps: deps
	@scripts/deps packages-bench
	@$(MAKE) --no-print-directory all
	@mkdir -p $(BUILD)/bench
	@for name in floor load spend; do \
		$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -o $(BUILD)/bench/$$name bench/$$name.c || exit 1; done

# A network that is broken at every byte of heads, and every STRIDE bytes of bodies; TITLES=map,levels,upgrade,app. It takes
# 20 minutes of a core.
netfaults: all
	@python3 tests/interop/netfaults.py $(BUILD)/patchbay full $(subst $(comma), ,$(TITLES)) $(if $(STRIDE),--stride $(STRIDE))

# Servers that want memory or time, each with the peak of the client's memory; CASES=gzip_bomb,… runs these alone.
hostile: all
	@python3 tests/interop/hostile.py $(BUILD)/patchbay $(subst $(comma), ,$(CASES))

# For a release: the binary interface that later ones are compared with, by tests/checks/abi.
abi: deps
	@$(MAKE) --no-print-directory $(SANITIZED)/build.ninja
	@meson compile -C $(SANITIZED) patchbay:shared_library >/dev/null
	@scripts/abi dump $(SANITIZED)/libpatchbay.so include/patchbay abi/libpatchbay.abi

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@meson install -C $(BUILD) --quiet >$(BUILD)/install.log || { cat $(BUILD)/install.log; exit 1; }
	@echo "installed in $(DESTDIR)$(PREFIX)"

# Debian packages, in build-deb, without an error or a warning of lintian.
deb: deps
	@scripts/deps packages-deb
	@scripts/deb

# After a change of the public functions: debian/libpatchbay0.symbols of what the library has.
deb-symbols: all
	@scripts/symbols --write $(BUILD)/libpatchbay.so

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD) $(SANITIZED) $(FUZZ) build-deb

.PHONY: all abi deps demo check check-browser pictures lint valgrind faults starve powerloss netfaults hostile fuzz soak flood bench-publish bench-fetch \
	bench-serve bench-tls bench-deps install deb deb-symbols format clean
