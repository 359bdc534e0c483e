"""The truth objective: the parameters that a simulated galaxy was made from."""

from torch import Tensor
from torch.nn import functional as F


class TruthLoss:
    """Smooth L1 error (Huber 1964; Girshick 2015) of standardised true parameters.

    It is half the squared error up to 1, and linear beyond. Galaxies without known truth (NaN: real ones) cost nothing.
    """

    def __call__(self, predicted: Tensor, truth: Tensor) -> Tensor:
        """Return the loss (galaxy, target) of predictions (galaxy, target).

        It is in units of each target's standard deviation.
        """
        known = truth.isfinite()
        losses = F.smooth_l1_loss(predicted.float(), truth.nan_to_num(), reduction="none")
        return losses * known
