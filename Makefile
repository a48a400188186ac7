# make demo            everything on synthetic shards: teacher, baseline, student
# make demo DATA=DIR   the same on your train*/validate*/test* shards
# make test            style and the whole test suite
# make table1          the paper's Table 1 on AudioSet clips, for hours, resumable
PYTHON ?= python3
VENV ?= .venv
# Vocabulary of DATA: 3862 in YouTube-8M since 2018, 4716 before.
NUM_CLASSES ?= 3862
BIN := $(VENV)/bin

.PHONY: demo test table1

demo: $(VENV)/installed
	$(BIN)/python tools/demo.py $(if $(DATA),--data_dir='$(DATA)' --num_classes=$(NUM_CLASSES))

test: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

# AudioSet clips joined to videos of 60 frames, each clip three times, and the
# paper's Table 1 on them: make table1 AUDIOSET=DIR with AudioSet's TFRecords.
AUDIOSET ?= ../shared/data/audioset
PROCESSES ?= 2
JOINED := data/audioset60x3

table1: $(VENV)/installed $(JOINED)/joined
	$(BIN)/python -m yt8m_distill.tables --flagfile=flags/tables/audioset60/table1.flags --num_processes=$(PROCESSES)

$(JOINED)/joined: | $(VENV)/installed
	rm -rf $(JOINED)
	$(BIN)/python tools/compose_long_videos.py --split=train --num_passes=3 \
		--input_data_pattern='$(AUDIOSET)/bal_train-0000[0-6]-*' --output_dir=$(JOINED)
	$(BIN)/python tools/compose_long_videos.py --split=validate --num_passes=6 --num_shards=1 \
		--input_data_pattern='$(AUDIOSET)/bal_train-00007-*' --output_dir=$(JOINED)
	touch $@

$(VENV)/installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[parity]' \
		|| echo "going on without what the tests compare with (extra 'parity')"
	touch $@
