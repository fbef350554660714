"""Tokens, their hashes, the key file, and secrets that can be read back."""

import asyncio
import base64
import string
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from boreal.kit.secrets import KeyFileFailed, Keyring, new_token, token_checksum

ONE, TWO = b"1" * 32, b"2" * 32


def line(key_id: str, key: bytes) -> str:
    return f"{key_id} {base64.b64encode(key).decode()}\n"


def test_a_token_is_a_prefix_37_characters_and_their_checksum() -> None:
    tokens = {new_token("polar_oat_") for _ in range(200)}
    assert len(tokens) == 200
    for token in tokens:
        secret = token.removeprefix("polar_oat_")
        assert len(secret) == 43
        assert set(secret) <= set(string.ascii_letters + string.digits)
        assert token_checksum(secret[:37]) == secret[37:]
    assert len({token[10] for token in tokens}) > 20, "the first character is as random as the others"


def test_a_checksum_has_six_characters_whatever_its_number() -> None:
    assert token_checksum("TjGsjB7252IV37eJpscNpxMFDGwCALHttglKN") == "00kFUh"
    assert token_checksum("") == "000000"


def test_the_hash_of_a_token_depends_on_the_whole_token_and_on_the_server() -> None:
    keyring = Keyring({"a": ONE})
    assert keyring.hash_token("polar_oat_x") == Keyring({"a": ONE}).hash_token("polar_oat_x")
    hashes = {
        keyring.hash_token("polar_oat_x"),
        keyring.hash_token("polar_oat_X"),
        keyring.hash_token("polar_pat_x"),
        Keyring({"a": TWO}).hash_token("polar_oat_x"),
    }
    assert len(hashes) == 4
    assert all(len(text) == 64 and set(text) <= set("0123456789abcdef") for text in hashes)


def test_a_secret_can_be_read_back_and_looks_different_each_time() -> None:
    keyring = Keyring({"a": ONE})
    sealed = [keyring.encrypt("polar_whs_ünïcode") for _ in range(3)]
    assert len(set(sealed)) == 3
    assert all(keyring.decrypt(text) == "polar_whs_ünïcode" for text in sealed)
    assert all(text.startswith("a:") and "polar" not in text for text in sealed)
    assert keyring.decrypt(keyring.encrypt("")) == ""


def test_a_new_key_encrypts_and_the_old_ones_still_decrypt() -> None:
    old = Keyring({"a": ONE})
    new = Keyring({"a": ONE, "b": TWO})
    assert new.decrypt(old.encrypt("secret")) == "secret"
    assert new.encrypt("secret").startswith("b:")
    assert new.hash_token("token") == old.hash_token("token"), "tokens outlive a rotation"
    assert new.derive("cards") == old.derive("cards")
    with pytest.raises(KeyError, match="b"):
        old.decrypt(new.encrypt("secret"))


def test_what_was_tampered_with_is_refused() -> None:
    keyring = Keyring({"a": ONE, "b": TWO})
    sealed = keyring.encrypt("secret")
    data = bytearray(base64.b64decode(sealed[2:]))
    for index in (0, 12, len(data) - 1):
        changed = bytes([*data[:index], data[index] ^ 1, *data[index + 1 :]])
        with pytest.raises(InvalidTag):
            keyring.decrypt(f"b:{base64.b64encode(changed).decode()}")
    with pytest.raises(InvalidTag):
        keyring.decrypt(f"a:{sealed[2:]}")


def test_each_purpose_has_its_own_bytes() -> None:
    keyring = Keyring({"a": ONE})
    assert len(keyring.derive("cards")) == 32
    assert len({keyring.derive("cards"), keyring.derive("keys"), ONE, Keyring({"a": TWO}).derive("cards")}) == 4


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys"
    made = Keyring.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["keys"], "nothing else is left behind"
    assert Keyring.open(path, make=False).hash_token("token") == made.hash_token("token")
    assert Keyring.open(tmp_path / "others").hash_token("token") != made.hash_token("token")


def test_a_key_file_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileFailed, match="is missing"):
        Keyring.open(tmp_path / "keys", make=False)
    assert list(tmp_path.iterdir()) == []


async def test_processes_that_start_at_once_have_the_same_keys(tmp_path: Path) -> None:
    """An API and a worker on a fresh machine: neither may see half a file, and only one's keys may count."""
    program = (
        "import sys, time; from pathlib import Path; from boreal.kit.secrets import Keyring; "
        "go = Path(sys.argv[1]) / 'go'\n"
        "while not go.exists(): time.sleep(0.001)\n"
        "print(Keyring.open(Path(sys.argv[1]) / 'keys').hash_token('token'))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(6)
    ]
    await asyncio.sleep(2)
    (tmp_path / "go").touch()
    outputs = [(await process.communicate())[0] for process in processes]
    assert len(outputs[0]) == 65
    assert set(outputs) == {outputs[0]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n",
        "k1",
        "k1 AAAA\n",
        "k1 " + "A" * 43 + "?\n",
        f"k1 {'A' * 64}\n",
        line("k1", ONE) + "more words than two\n",
        line("k1", ONE) + line("k1", TWO),
        line("k:1", ONE),
        "\x00",
    ],
)
def test_a_file_that_holds_no_keys_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(KeyFileFailed) as refused:
        Keyring.open(path)
    assert str(refused.value) == "the key file holds something else than keys"
    assert path.read_text() == text


def test_lines_may_end_in_any_way(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes((line("a", ONE) + "\n" + line("b", TWO)).replace("\n", "\r\n").encode())
    assert Keyring.open(path).encrypt("x").startswith("b:")
    assert Keyring.open(path).hash_token("token") == Keyring({"a": ONE}).hash_token("token")


def test_a_key_file_that_cannot_be_read_or_made(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    with pytest.raises(KeyFileFailed, match=r"cannot read the key file .*/keys"):
        Keyring.open(tmp_path / "keys")
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileFailed, match=r"cannot make the key file .*/file/keys"):
        Keyring.open(tmp_path / "file" / "keys")
