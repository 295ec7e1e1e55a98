"""boto3, which asks the KMS of a local server as it would ask the one of AWS, with cryptography to verify."""

import base64
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from service import SERVICE, holds

CLIENT = "boto3"
MESSAGE = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2huIn0"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
# 48 bytes, as an API that verifies HS384 might share with the server.
SECRET = bytes(range(48))


def refusal(ask, code: str, /, **members: object) -> str:
    """Asks for what is to be refused with `code`; the message."""
    try:
        ask(**members)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        return error.response["Error"].get("Message", "")
    raise AssertionError(f"no {code}")


def verify(key, algorithm: str, signature: bytes, message: bytes) -> None:
    hashed = HASHES[algorithm[-3:]]
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        key.verify(signature, message, pss if "PSS" in algorithm else padding.PKCS1v15(), hashed)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(hashed))
    else:
        key.verify(signature, message)


def check(kms, keys: list[str], wrapping: str) -> None:
    kinds = set()
    for arn in keys:
        described = kms.describe_key(KeyId=arn)["KeyMetadata"]
        assert (described["Arn"], described["KeyState"], described["Enabled"]) == (arn, "Enabled", True)
        kinds.add(described["KeySpec"])
        if described["KeyUsage"] == "GENERATE_VERIFY_MAC":
            mac_of_the_secret(kms, arn)
            continue
        public = kms.get_public_key(KeyId=arn.rsplit("/", 1)[1])
        assert (public["KeyId"], public["KeySpec"]) == (arn, described["KeySpec"])
        key = serialization.load_der_public_key(public["PublicKey"])
        for algorithm in set(public["SigningAlgorithms"]) - {"ED25519_PH_SHA_512"}:
            ask = {"KeyId": arn, "SigningAlgorithm": algorithm}
            raw = kms.sign(Message=MESSAGE, MessageType="RAW", **ask)
            assert (raw["KeyId"], raw["SigningAlgorithm"]) == (arn, algorithm)
            verify(key, algorithm, raw["Signature"], MESSAGE)
            try:
                verify(key, algorithm, raw["Signature"], MESSAGE + b".")
            except InvalidSignature:
                pass
            else:
                raise AssertionError("another message is not what was signed")
            refusal(kms.sign, "ValidationException", Message=b"7", MessageType="DIGEST", **ask)
            if not isinstance(key, ed25519.Ed25519PublicKey):
                digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
                verify(key, algorithm, kms.sign(Message=digest, MessageType="DIGEST", **ask)["Signature"], MESSAGE)
        other = "ECDSA_SHA_256" if isinstance(key, rsa.RSAPublicKey) else "RSASSA_PSS_SHA_256"
        refusal(kms.sign, "InvalidKeyUsageException", KeyId=arn, Message=MESSAGE, SigningAlgorithm=other)
    assert kinds == {"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_NIST_EDWARDS25519", "HMAC_384"}
    holds(CLIENT, "every signature of every key is verified, and what a key does not support is refused")

    ask = {"KeyId": keys[0], "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    kms.sign(Message=b"7" * 4096, **ask)
    refusal(kms.sign, "ValidationException", Message=b"7" * 4097, **ask)
    refusal(kms.sign, "DryRunOperationException", Message=MESSAGE, DryRun=True, **ask)
    missing = keys[0][:-36] + "12345678-1234-1234-1234-123456789012"
    for key in ("alias/signing", missing, "x"):
        refusal(kms.get_public_key, "NotFoundException", KeyId=key)
    refusal(kms.list_keys, "UnknownOperationException")
    holds(CLIENT, "a message has 4096 bytes at most, and an unknown key or operation is refused")

    context = {"purpose": "passgrant-signing-key", "issuer": "https://id.example.com"}
    pair = kms.generate_data_key_pair_without_plaintext(
        KeyId=wrapping, KeyPairSpec="ECC_NIST_P256", EncryptionContext=context
    )
    private = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=context)["Plaintext"]
    key = serialization.load_der_private_key(private, None)
    signature = key.sign(hashlib.sha256(MESSAGE).digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    verify(serialization.load_der_public_key(pair["PublicKey"]), "256", signature, MESSAGE)
    wrapped = kms.encrypt(KeyId=wrapping, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"] == b"x"
    refusal(kms.decrypt, "InvalidCiphertextException", CiphertextBlob=wrapped)
    refusal(kms.encrypt, "InvalidKeyUsageException", KeyId=keys[0], Plaintext=b"x")
    holds(CLIENT, "a wrapped key pair is one, and is unwrapped in its own context only")


def mac_of_the_secret(kms, arn: str) -> None:
    own = hmac.HMAC(SECRET, hashes.SHA384())
    own.update(MESSAGE)
    expected = own.finalize()
    ask = {"KeyId": arn, "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_384"}
    assert kms.generate_mac(**ask)["Mac"] == expected
    assert kms.verify_mac(Mac=expected, **ask)["MacValid"] is True
    refusal(kms.verify_mac, "KMSInvalidMacException", Mac=expected[::-1], **ask)
    refusal(kms.get_public_key, "UnsupportedOperationException", KeyId=arn)
    holds(CLIENT, "a MAC is that of the shared secret, and another is refused")


def client(endpoint: str, access_key: str):
    return boto3.client(
        "kms", endpoint_url=endpoint, region_name="eu-north-1", aws_access_key_id=access_key,
        aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip


passgrant = str(Path(SERVICE["passgrant"][0]).resolve())
with tempfile.TemporaryDirectory() as project:

    def start() -> subprocess.Popen:
        server = [passgrant, "serve", "--sam=127.0.0.1", "--listen", "127.0.0.1:0", "--output", "json"]
        return subprocess.Popen(server, cwd=project, stdout=subprocess.PIPE, text=True)

    def started(server: subprocess.Popen) -> dict[str, object]:
        lines = iter(server.stdout.readline, "")
        text = ""
        for line in lines:
            text += line
            if line == "}\n":
                break
        return json.loads(text)

    # A server makes the folder, and then finds the secret in it.
    with start() as server:
        started(server)
        server.terminate()
    encoded = base64.b64encode(SECRET)
    importing = [passgrant, "--data", f"{project}/.aws-sam/passgrant", "key", "import", "--alg", "HS384", "--secret-stdin"]
    subprocess.run(importing, input=encoded, check=True, stdout=subprocess.DEVNULL)
    with start() as server:
        try:
            endpoint = started(server)["sam"]["kms_endpoint"]
            environment = json.loads(Path(project, ".aws-sam/local-env.json").read_text())["PassgrantFunction"]
            keys = environment["PASSGRANT_SIGNING_KEYS"].split(",")
            check(client(endpoint, "local"), keys, environment["PASSGRANT_WRAPPING_KEY"])
        finally:
            server.terminate()
