"""The ways to be left without a broker, as exceptions that say what to do next."""

#: What a person does when there is no server, in every text that says so.
INSTALL_ADVICE = (
    "Install one: sudo apt-get install --no-install-recommends rabbitmq-server; or name one that"
    " runs: LEVERET_AMQP_URL=amqp://user:password@host:5672/"
)


class NoBrokerError(Exception):
    """No RabbitMQ is to be had on this machine; the text says what to install or to set."""


class BrokerStartError(Exception):
    """A RabbitMQ is there but does not serve; the text ends with the tail of its log."""
