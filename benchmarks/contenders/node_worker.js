// Node's amqplib, no validation: answers with a confirm, then acks. Arguments: queue, prefetch.
const amqp = require("amqplib");

async function main() {
  const [queue, prefetch] = process.argv.slice(2);
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(Number(prefetch));
  await channel.consume(queue, (message) => {
    JSON.parse(message.content);
    const properties = {
      contentType: "application/json",
      correlationId: message.properties.correlationId,
      persistent: true,
    };
    channel.sendToQueue(message.properties.replyTo, message.content, properties, (error) => {
      if (!error) channel.ack(message);
    });
  });
}

main();
