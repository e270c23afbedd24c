"""A model in a folder: what it makes of real sentences, and what is said of a folder that cannot be used."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdb.embedders import choosing, folder
from memdb.errors import EmbedderFailed, MemdbError, UsageError
from tests import local_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local_model.assemble(tmp_path_factory.mktemp("models"))


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copied", symlinks=True))


def test_sentences_that_mean_the_same_are_near_whatever_their_words_and_lengths(model: Path) -> None:
    made = choosing.local(model)
    texts = ["I cannot start a day without an espresso.", "My sister moved to Lisbon last year. " * 9, "Rent is due."]
    embeddings = np.array(made.embed(texts))
    questions = np.array(
        [made.embed_question(text) for text in ("Which coffee?", "Where is my family?", "What to pay?")]
    )
    assert (made.model, embeddings.shape) == ("all-MiniLM-L6-v2", (3, 384))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert (questions @ embeddings.T).argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(made.embed(texts[1:2])[0], embeddings[1], atol=1e-5)  # whatever is in the same batch
    assert made.embed([]) == []


def test_a_text_is_cut_off_at_the_maximum_of_the_model_and_not_at_that_of_its_training(model: Path) -> None:
    made = choosing.local(model, "mine")
    long = "word " * 1000
    first, second, third = made.embed([long, long + "another", "word " * 200])
    assert (made.model, made.tokens(["word " * 10]), made.tokens([long])) == ("mine", 12, 256)
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert np.abs(first - third).max() > 1e-3


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        file = path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(change(json.loads(file.read_text()) if file.exists() else {})))

    return apply


def test_what_a_folder_says_of_its_model_is_followed(copied: Path) -> None:
    (copied / "onnx").mkdir()
    (copied / "model.onnx").rename(copied / "onnx" / "model.onnx")
    changed("1_Pooling/config.json", lambda _: {"pooling_mode": "cls"})(copied)
    prompts = {"prompts": {"query": "question: ", "passage": "text: "}}
    changed("config_sentence_transformers.json", lambda _: prompts)(copied)
    (copied / "sentence_bert_config.json").unlink()
    found = folder.look(copied)
    assert (found.model.parent.name, found.pooling, found.longest) == ("onnx", "cls", 512)
    assert (found.text_prompt, found.question_prompt) == ("text: ", "question: ")
    made = choosing.local(copied)
    usual = made.embed(["coffee"])[0]
    assert not np.allclose(made.embed_question("coffee"), usual, atol=1e-3)
    changed("1_Pooling/config.json", lambda _: {"pooling_mode_mean_tokens": True})(copied)
    assert not np.allclose(choosing.local(copied).embed(["coffee"])[0], usual, atol=1e-3)


def test_a_folder_of_a_cache_is_called_as_the_model_and_not_as_its_commit(copied: Path) -> None:
    place = copied.parent / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / "c9745ed1"
    place.parent.mkdir(parents=True)
    copied.rename(place)
    assert folder.look(place).name == "all-MiniLM-L6-v2"


def lacking(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


def broken(name: str) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        (path / name).unlink()
        (path / name).write_text("{}, and secret words")

    return apply


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (shutil.rmtree, UsageError, "there is no folder"),
        (lacking("model.onnx"), UsageError, "has no model.onnx, nor onnx/model.onnx"),
        (lacking("tokenizer.json"), UsageError, "has no tokenizer.json"),
        (broken("model.onnx"), EmbedderFailed, "model.onnx cannot be used as a model"),
        (broken("tokenizer.json"), EmbedderFailed, "tokenizer.json cannot be used as a model"),
        (broken("config.json"), EmbedderFailed, "config.json cannot be read"),
        (changed("modules.json", lambda was: [*was, {"type": "sentence_transformers.Dense"}]), UsageError, "Dense"),
        (changed("1_Pooling/config.json", lambda _: {"pooling_mode_lasttoken": True}), UsageError, "by lasttoken"),
    ],
    ids=["folder", "model", "tokenizer", "broken model", "broken tokenizer", "broken config", "module", "pooling"],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_told_why(
    copied: Path, capfd: pytest.CaptureFixture[str], change: Callable[[Path], None], kind: type[MemdbError], said: str
) -> None:
    (copied / "sentence_bert_config.json").unlink()  # so that the others are read
    change(copied)
    with pytest.raises(kind, match=said) as caught:
        choosing.local(copied)
    told = f"{caught.value} {caught.value.hint} {capfd.readouterr()}"
    assert ("secret" in told, bool(caught.value.hint)) == (False, True)


def test_what_no_file_of_a_model_says_is_passed_over(tmp_path: Path) -> None:
    for name, text in {"model.onnx": "", "tokenizer.json": "", "modules.json": "5"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": -5}')
    assert (folder.look(tmp_path).longest, folder.look(tmp_path).pooling) == (512, "mean")


def test_without_the_extra_it_is_said_how_to_get_it(copied: Path) -> None:
    code = "import sys; sys.modules['onnxruntime'] = None; from memdb.__main__ import start; sys.exit(start())"
    given = ["embed", "--local", str(copied), "--database-url", "postgresql://nobody@127.0.0.1:1/none"]
    run = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True)
    assert (run.returncode, "pip install 'memdb-pg[local]'" in run.stderr) == (2, True), run.stderr
