# make demo            everything on synthetic shards: teacher, baseline, student
# make demo DATA=DIR   the same on your train*/validate*/test* shards
# make test            style and the whole test suite
PYTHON ?= python3
VENV ?= .venv
# Vocabulary of DATA: 3862 in YouTube-8M since 2018, 4716 before.
NUM_CLASSES ?= 3862
BIN := $(VENV)/bin

.PHONY: demo test

demo: $(VENV)/installed
	$(BIN)/python tools/demo.py $(if $(DATA),--data_dir='$(DATA)' --num_classes=$(NUM_CLASSES))

test: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

$(VENV)/installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[parity]' \
		|| echo "going on without what the tests compare with (extra 'parity')"
	touch $@
