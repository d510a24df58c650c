"""The suite itself."""

from collections import Counter

from taskshed.testing.conformance import StoreConformance


def test_no_topic_hides_a_test_of_another() -> None:
    names = Counter(name for topic in StoreConformance.__bases__ for name in vars(topic) if name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []
