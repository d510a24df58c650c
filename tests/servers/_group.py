"""Several servers that belong together, each of which can also be ended and started by itself."""

from collections.abc import Sequence

from servers._process import ServerProcess


class ServerGroup:
    """Servers that belong together: those that watch or follow another come after it, and are ended before it."""

    nodes: Sequence[ServerProcess]

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.stop()

    def kill(self) -> None:
        for node in reversed(self.nodes):
            node.kill()

    def remove(self) -> None:
        for node in reversed(self.nodes):
            node.remove()
