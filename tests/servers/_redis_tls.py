"""A Redis that is spoken to over TLS, with certificates of a private authority."""

from pathlib import Path

from servers._redis import RedisServer


class TLSRedisServer(RedisServer):
    """A Redis that listens for TLS only, and wants a certificate from its clients too."""

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}/0"

    @property
    def ca(self) -> Path:
        """The certificate of the authority, which both sides trust."""
        return self.folder / "ca.pem"

    @property
    def client_cert(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    def initialise(self, template: Path | None = None) -> None:
        super().initialise(template)
        import trustme  # noqa: PLC0415 - it takes a while, and most tests do without

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        for name, identity in (("server", "127.0.0.1"), ("client", "client@taskshed.example")):
            issued = authority.issue_cert(identity)
            issued.cert_chain_pems[0].write_to_path(self.folder / f"{name}.pem")
            issued.private_key_pem.write_to_path(self.folder / f"{name}.key")

    def _command(self) -> list[str]:
        certificates = {
            "tls-ca-cert-file": self.ca,
            "tls-cert-file": self.folder / "server.pem",
            "tls-key-file": self.folder / "server.key",
        }
        files = [word for name, path in certificates.items() for word in (f"--{name}", str(path))]
        ports = ["--port", "0", "--tls-port", str(self.port)]
        return [*super()._command(), *ports, "--tls-auth-clients", "yes", *files]
