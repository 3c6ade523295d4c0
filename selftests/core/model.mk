# SPDX-License-Identifier: GPL-2.0
#
# The model of the offset allocator, and what uses it: the random test, the
# enumerator, and the fuzz targets. Compiled in several ways, each in a directory of
# its own, with an allocator that counts its steps.

MODEL := model_ref model_ops model_draw model_calls model_image model_run
MODEL_CFLAGS = $(ALL_CFLAGS) -include model_steps.h
MODEL_LDFLAGS := -Wl,--wrap=calloc,--wrap=aligned_alloc
FUZZ_TARGETS := offset_alloc_fuzz offset_alloc_fuzz_load

CLANG_WORKS := $(shell echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(CLANG) -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null && echo y)

# model_variant <directory> <compiler and options>
define model_variant
$(BUILD)/$(1):
	mkdir -p $$@

$(BUILD)/$(1)/%.o: %.c Makefile model.mk | $(BUILD)/$(1)
	$(2) $$(MODEL_CFLAGS) -c -o $$@ $$<

$(BUILD)/$(1)/%.o: $(KMOD)/%.c Makefile model.mk | $(BUILD)/$(1)
	$(2) $$(MODEL_CFLAGS) -c -o $$@ $$<
endef

# model_program <program> <directory> <compiler and options> <objects>
define model_program
$(BUILD)/$(1): $(patsubst %,$(BUILD)/$(2)/%.o,$(4) $(MODEL) $(CORE))
	$(3) $$(MODEL_LDFLAGS) -o $$@ $$^
endef

FUZZ_CC = $(CLANG) $(SANITIZE) -fsanitize=fuzzer

$(eval $(call model_variant,san,$(CC) $(SANITIZE)))
$(eval $(call model_variant,fast,$(CC)))
$(eval $(call model_variant,32,$(CC) -m32))
# What the large loops of offset_alloc_check() compare is not worth to be traced
$(eval $(call model_variant,fuzz,$(CLANG) $(SANITIZE) -fsanitize=fuzzer-no-link \
	-fno-sanitize-coverage=trace-cmp))

$(eval $(call model_program,offset_alloc_model,san,$(CC) $(SANITIZE),offset_alloc_model model_shrink))
$(eval $(call model_program,offset_alloc_model.m32,32,$(CC) -m32,offset_alloc_model model_shrink))
$(eval $(call model_program,offset_alloc_exhaust,fast,$(CC),offset_alloc_exhaust))
$(eval $(call model_program,offset_alloc_exhaust_san,san,$(CC) $(SANITIZE),offset_alloc_exhaust))
$(foreach target,$(FUZZ_TARGETS),\
	$(eval $(call model_program,$(target),fuzz,$(FUZZ_CC),$(target))))

MODEL_PROGS := $(BUILD)/offset_alloc_model $(BUILD)/offset_alloc_exhaust \
	$(BUILD)/offset_alloc_exhaust_san $(if $(HAVE_M32),$(BUILD)/offset_alloc_model.m32) \
	$(if $(CLANG_WORKS),$(FUZZ_TARGETS:%=$(BUILD)/%))

# Both fuzzers at once, for so many seconds each
.PHONY: fuzz
fuzz: $(BUILD)/offset_alloc_model $(if $(CLANG_WORKS),$(FUZZ_TARGETS:%=$(BUILD)/%))
	./fuzz.sh $(BUILD) $(FUZZ_SECONDS)

-include $(wildcard $(BUILD)/*/*.d)
