"""The published table is ours to list: complete and unique."""

from zoobot.encoders import published_encoders


def test_published_encoders():
    table = published_encoders()
    assert len(table) == len({entry.name for entry in table}) == 15
    assert [entry.name for entry in table if entry.recommended] == ["hf_hub:mwalmsley/zoobot-encoder-convnext_nano"]
    for entry in table:
        assert entry.name.endswith(f"zoobot-encoder-{entry.architecture}")
        assert entry.greyscale_name.endswith(f"zoobot-encoder-greyscale-{entry.architecture}")
        assert 5e6 < entry.parameters < 3e8
        assert 19 < entry.test_loss < 20
