# The user's way in. Meson and ninja do the work.
BUILD     ?= build
SANITIZED ?= build-sanitized
PREFIX    ?= /usr/local
NINJA      = ninja -C $(BUILD)

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

# Beside other programs; WRITE=1 replaces a part of docs/performance.md. ROWS=map,levels ROUNDS=3 SMALL=1: see the programs.
bench-publish bench-fetch: bench-%: bench-deps
	@BUILD=$(BUILD) WRITE=$(WRITE) ROWS=$(ROWS) ROUNDS=$(ROUNDS) SMALL=$(SMALL) bench/$*

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

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@meson install -C $(BUILD) --quiet >$(BUILD)/install.log || { cat $(BUILD)/install.log; exit 1; }
	@echo "installed in $(DESTDIR)$(PREFIX)"

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD) $(SANITIZED)

.PHONY: all deps demo check bench-publish bench-fetch bench-serve bench-deps soak flood install format clean
