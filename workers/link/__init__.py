"""The only rooms that speak AMQP: connections kept alive, deliveries in, publications out."""
