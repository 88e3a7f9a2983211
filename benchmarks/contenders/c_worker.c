/* The limit: librabbitmq, no validation. Takes a task, sends its body back with a confirm, then
 * acks. Arguments: host port user password vhost queue prefetch. */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Publications not confirmed yet, by their number; more than any prefetch. */
#define WINDOW 131072

static uint64_t delivery_of[WINDOW];

static void must(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
    fprintf(stderr, "c_worker: %s failed\n", what);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 8) {
    fprintf(stderr, "usage: c_worker host port user password vhost queue prefetch\n");
    return 2;
  }
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  if (socket == NULL || amqp_socket_open(socket, argv[1], atoi(argv[2])) != 0) {
    fprintf(stderr, "c_worker: no broker at %s:%s\n", argv[1], argv[2]);
    return 1;
  }
  must(amqp_login(connection, argv[5], 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, argv[3], argv[4]),
       "login");
  amqp_channel_open(connection, 1);
  must(amqp_get_rpc_reply(connection), "channel");
  amqp_basic_qos(connection, 1, 0, (uint16_t)atoi(argv[7]), 0);
  must(amqp_get_rpc_reply(connection), "qos");
  amqp_confirm_select(connection, 1);
  must(amqp_get_rpc_reply(connection), "confirms");
  amqp_basic_consume(connection, 1, amqp_cstring_bytes(argv[6]), amqp_empty_bytes, 0, 0, 0,
                     amqp_empty_table);
  must(amqp_get_rpc_reply(connection), "consume");

  uint64_t sent = 0, lowest = 1;
  for (;;) {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection);
    if (amqp_simple_wait_frame(connection, &frame) != AMQP_STATUS_OK) return 1;
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    if (frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
      uint64_t tag = ((amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
      amqp_message_t message;
      must(amqp_read_message(connection, 1, &message, 0), "reading");
      amqp_basic_properties_t properties;
      memset(&properties, 0, sizeof properties);
      properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                          AMQP_BASIC_CORRELATION_ID_FLAG;
      properties.content_type = amqp_cstring_bytes("application/json");
      properties.delivery_mode = 2;
      properties.correlation_id = message.properties.correlation_id;
      amqp_basic_publish(connection, 1, amqp_empty_bytes, message.properties.reply_to, 0, 0,
                         &properties, message.body);
      delivery_of[++sent % WINDOW] = tag;
      amqp_destroy_message(&message);
    } else if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
      amqp_basic_ack_t *confirm = frame.payload.method.decoded;
      uint64_t first = confirm->multiple ? lowest : confirm->delivery_tag;
      for (uint64_t number = first; number <= confirm->delivery_tag; number++) {
        uint64_t tag = delivery_of[number % WINDOW];
        if (tag != 0) amqp_basic_ack(connection, 1, tag, 0);
        delivery_of[number % WINDOW] = 0;
      }
      if (confirm->multiple) lowest = confirm->delivery_tag + 1;
    }
  }
}
