"""No file makes a reader hang or fill the memory.

What is no regular file, or too large once it is unpacked, is refused.
"""

import pytest
from tests.data.hostile import IMAGES, TABLES, cases
from tests.guard import guarded

from zoobot.data.images import decode_image, read_image
from zoobot.data.pictures import is_deep
from zoobot.data.tables import read_source
from zoobot.errors import CatalogError, ImageError
from zoobot.settings import ImageSettings


@pytest.mark.parametrize(("ending", "kind"), cases(TABLES), ids=map("-".join, cases(TABLES)))
def test_a_table(ending, kind, tmp_path):
    path = tmp_path / f"catalog.{ending}"
    make, said = TABLES[ending][kind]
    make(path)
    with guarded(), pytest.raises(CatalogError, match=said) as error:
        read_source(path)
    assert str(path) in str(error.value) and len(str(error.value)) < 2000


@pytest.mark.parametrize(("ending", "kind"), cases(IMAGES), ids=map("-".join, cases(IMAGES)))
def test_an_image(ending, kind, tmp_path):
    path = tmp_path / f"image.{ending}"
    make, said = IMAGES[ending][kind]
    make(path)
    with guarded():
        for read in (read_image, lambda path: decode_image(path, ImageSettings(), 64)):
            with pytest.raises(ImageError, match=said) as error:
                read(path)
            assert str(path) in str(error.value) and len(str(error.value)) < 2000
        assert is_deep(path) in (True, False)
