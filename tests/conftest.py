"""What all tests share: the profiles of hypothesis, and that Ctrl-C interrupts."""

import signal

import tests.examples  # noqa: F401  importing it loads the profile

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell that started the tests in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)
