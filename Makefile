# The words that run Linli. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3
BOT := .venv/bin/bot

.PHONY: help run test setup check format bench train evaluate clean

help:
	@echo "make run       set up, then start everything and print the address"
	@echo "make test      set up, then run every test of both rooms"
	@echo "make setup     the set-up alone: .venv with .venv/bin/bot, and .venv-engine"
	@echo "make check     ruff and mypy"
	@echo "make train     train the language model"
	@echo "make evaluate  measure the answers on the frozen questions"
	@echo "make bench     measure against Rasa's own starter bot"
	@echo "make clean     remove environments and caches (not var/, not models/)"

run: setup
	@exec $(BOT) serve

test: setup
	@$(BOT) train
	.venv/bin/python -m pytest tests
	.venv-engine/bin/python -m pytest -c tests/nlu/pytest.ini tests/nlu

setup:
	@command -v $(PYTHON) >/dev/null || { echo "linli: $(PYTHON) was not found; install Python 3" >&2; exit 1; }
	@$(PYTHON) tools/setup.py

check: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format:
	.venv/bin/ruff format .

train: setup
	@$(BOT) train

evaluate: setup
	@$(BOT) evaluate

bench: setup
	.venv/bin/python -m benchmarks

clean:
	rm -rf .venv .venv-engine .uv .mypy_cache .ruff_cache .pytest_cache
