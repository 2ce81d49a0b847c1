"""Let pytest rewrite the assertions in the support module, so that their failures show the values."""

import pytest

pytest.register_assert_rewrite("documents.support")
