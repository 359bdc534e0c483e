"""Calibrated flux as FITS cubes."""

from io import BytesIO

import numpy as np
import numpy.typing as npt

from zoobot.simulate.surveys import Survey

UNIT = "nanomaggy"


def cube(flux: npt.NDArray[np.float32], pixel: float, survey: Survey) -> bytes:
    """Return a FITS file of the bands of a galaxy, with their unit, names and pixel scale in the header.

    Parameters
    ----------
    flux : ndarray
        (band, y, x), nanomaggies a pixel; the first row is at the top, as in the color picture. In the file it is the
        last, so that FITS viewers show the galaxy as the picture does.
    pixel : float
        Width of a pixel in arcsec.
    survey : Survey
        Whose bands they are.
    """
    from astropy.io import fits

    file = BytesIO()
    header = fits.Header()
    header["BUNIT"] = (UNIT, "a pixel; AB magnitude 22.5 is 1")
    header["SIMULATD"] = (True, "made by zoobot.simulate")
    header["SURVEY"] = (survey.name, "the survey that is imitated")
    for number, band in enumerate(survey.bands, start=1):
        header[f"BAND{number}"] = (band, f"plane {number} of the cube")
    header["PIXSCALE"] = (pixel, "arcsec, width of a pixel")
    for axis in (1, 2):
        header[f"CTYPE{axis}"] = "LINEAR"
        header[f"CUNIT{axis}"] = "arcsec"
        header[f"CDELT{axis}"] = pixel
    fits.PrimaryHDU(np.ascontiguousarray(flux[:, ::-1]), header).writeto(file)
    return file.getvalue()
