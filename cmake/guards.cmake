# The laws of the layers, as tests (core/test/guards). Filled by add_test below.
