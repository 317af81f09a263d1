"""A small key server that answers like Vault's Transit engine, over TLS, with real encryption and versions."""

from __future__ import annotations

import base64
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from tests.receivers import Receiver, receiver

TOKEN = "token-of-the-key-server"


@dataclass
class KeyServer:
    url: str
    ca_file: Path
    token_file: Path
    server: Receiver
    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    is_away: bool = False

    def settings(self) -> dict[str, str]:
        return {
            "DAYBOOK_KEY_PROVIDER": "transit",
            "DAYBOOK_TRANSIT_URL": self.url,
            "DAYBOOK_TRANSIT_TOKEN_FILE": str(self.token_file),
            "DAYBOOK_TRANSIT_CA_FILE": str(self.ca_file),
        }

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        code, data = self._respond(handler)
        body = json.dumps({"data": data} if code == 200 else {"errors": ["no"]}).encode()
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _respond(self, handler: BaseHTTPRequestHandler) -> tuple[int, Any]:
        if self.is_away:
            return 503, None
        if handler.headers["X-Vault-Token"] != TOKEN:
            return 403, None
        if handler.command == "GET":
            return 200, {"latest_version": len(self.versions)}
        asked = json.loads(self.server.calls[-1].body)
        context = base64.b64decode(asked["associated_data"])
        if handler.path.startswith("/v1/transit/encrypt/"):
            nonce = os.urandom(12)
            sealed = nonce + AESGCM(self.versions[-1]).encrypt(nonce, base64.b64decode(asked["plaintext"]), context)
            return 200, {"ciphertext": f"vault:v{len(self.versions)}:{base64.b64encode(sealed).decode()}"}
        _, version, text = asked["ciphertext"].split(":")
        sealed = base64.b64decode(text)
        try:
            plain = AESGCM(self.versions[int(version[1:]) - 1]).decrypt(sealed[:12], sealed[12:], context)
        except InvalidTag:
            return 400, None
        return 200, {"plaintext": base64.b64encode(plain).decode()}


@contextmanager
def key_server(folder: Path) -> Iterator[KeyServer]:
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "server.key")
    (folder / "token").write_text(f"{TOKEN}\n")
    with receiver(tls=context) as server:
        found = KeyServer(f"https://127.0.0.1:{server.port}", certificate, folder / "token", server)
        for path in ("encrypt/daybook", "decrypt/daybook", "keys/daybook"):
            server.answers[f"/v1/transit/{path}"] = found.answer
        yield found


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keys")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return folder / "server.pem"
