"""MMagic's SRCNNNet, with the factor under the name that all networks here have."""

from __future__ import annotations

from mmagic.models.editors.srcnn import SRCNNNet as MMagicSRCNNNet


class SRCNNNet(MMagicSRCNNNet):
    """MMagic's network. Its weights do not tell the factor, so that only a file that names it can be loaded."""

    @property
    def scale(self) -> int:
        """Output size / input size."""
        return self.upscale_factor
