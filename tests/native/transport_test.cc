#include "transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace copse {
namespace {

// A connection whose other end the test holds.
class TransportTest : public ::testing::Test {
 protected:
  TransportTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    connection_ = std::make_unique<Connection>(ends_[0], limits_);
  }
  ~TransportTest() override { ::close(ends_[1]); }

  void Send(const std::string& text) {
    EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string Received() {
    std::string text(65536, '\0');
    text.resize(static_cast<std::size_t>(::read(ends_[1], text.data(), text.size())));
    return text;
  }
  Connection::Head ReadHead() {
    return connection_->ReadHead([](const RequestHead&) { return false; });
  }
  // Answers the next request with `answer`, reading its body if it has one.
  Outcome Answer(std::function<Reply(std::string)> answer) {
    const Connection::Head head = ReadHead();
    const auto* const request = std::get_if<RequestHead>(&head);
    EXPECT_NE(request, nullptr);
    const Outcome outcome =
        transport_.Run(*connection_, {.is_head = request->method == "HEAD",
                                      .reads_body = request->HasBody(),
                                      .may_stay = [] { return true; },
                                      .answer = std::move(answer),
                                      .refuse =
                                          [](const Refusal& refusal) {
                                            Reply reply = Problem(refusal.status, refusal.detail);
                                            reply.close = refusal.close;
                                            return reply;
                                          }});
    EXPECT_EQ(connection_->TrySend(), Connection::Sent::kAll);
    connection_->EndRequest();
    return outcome;
  }

  ServerLimits limits_;
  int ends_[2] = {-1, -1};
  std::unique_ptr<Connection> connection_;
  Transport transport_{limits_};
};

TEST_F(TransportTest, WhatIsThrownStaysHere) {
  Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const Outcome outcome =
      Answer([](const std::string&) -> Reply { throw std::runtime_error("secret"); });
  EXPECT_EQ(outcome.status, 500);
  EXPECT_FALSE(outcome.keep_alive);
  const std::string received = Received();
  EXPECT_TRUE(received.starts_with("HTTP/1.1 500 ")) << received;
  EXPECT_NE(received.find("application/problem+json"), std::string::npos);
  EXPECT_NE(received.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(received.find("secret"), std::string::npos);
}

TEST_F(TransportTest, WhatIsThrownBehindABodyStaysHereToo) {
  Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(Answer([](const std::string&) -> Reply { throw 1; }).status, 500);
  EXPECT_TRUE(Received().starts_with("HTTP/1.1 500 "));
}

TEST_F(TransportTest, LackOfMemoryIsSaidAsSuch) {
  for (const char* const request : {"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"}) {
    Send(request);
    const Outcome outcome = Answer([](const std::string&) -> Reply { throw std::bad_alloc(); });
    EXPECT_EQ(outcome.status, 503);
    EXPECT_TRUE(Received().starts_with("HTTP/1.1 503 "));
  }
}

TEST_F(TransportTest, AChunkedBodyIsHeldUntilItIsWhole) {
  Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  EXPECT_TRUE(std::holds_alternative<Connection::Incomplete>(ReadHead()));
  EXPECT_TRUE(connection_->HasBegun());
  Send("c\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n");
  EXPECT_TRUE(std::holds_alternative<Connection::Incomplete>(ReadHead()));
  Send("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(std::holds_alternative<RequestHead>(ReadHead()));
  EXPECT_EQ(connection_->TakeBody(), "abcde");
  connection_->EndRequest();
  EXPECT_TRUE(std::holds_alternative<RequestHead>(ReadHead()))
      << "and what is behind it comes next";
}

TEST_F(TransportTest, BodiesOfAllConnectionsAreCounted) {
  limits_.held_bytes_max = 150'000;
  const std::string part(100'000, 'a');
  const std::string begin =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n";  // 300,000
  Send(begin + part);
  EXPECT_TRUE(std::holds_alternative<Connection::Incomplete>(ReadHead()));
  Send(part);
  const Connection::Head head = ReadHead();
  ASSERT_TRUE(std::holds_alternative<Refusal>(head));
  EXPECT_EQ(std::get<Refusal>(head).status, 503);
  EXPECT_FALSE(connection_->HasWholeBody()) << "nobody knows where the next request begins";
}

TEST_F(TransportTest, AnAnswerIsSentAsFarAsItIsTaken) {
  Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(std::holds_alternative<RequestHead>(ReadHead()));
  const std::string answer(std::size_t{4} << 20, 'x');
  connection_->Write(answer);
  EXPECT_EQ(connection_->TrySend(), Connection::Sent::kPart);
  EXPECT_TRUE(connection_->AwaitsRoom());
  std::string received;
  auto sent = Connection::Sent::kPart;
  for (int i = 0; i < 1000 && sent == Connection::Sent::kPart; ++i) {
    received += Received();
    sent = connection_->TrySend();
  }
  EXPECT_EQ(sent, Connection::Sent::kAll);
  while (received.size() < answer.size()) received += Received();
  EXPECT_EQ(received, answer);
  connection_->Write(answer);
  EXPECT_EQ(connection_->TrySend(), Connection::Sent::kPart);
  connection_->GiveUp();
  EXPECT_EQ(connection_->TrySend(), Connection::Sent::kGone);
}

TEST_F(TransportTest, AnswersOneRequestAfterTheOther) {
  Send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcHEAD / HTTP/1.1\r\nHost: "
      "h\r\n\r\n");
  const auto echo = [](std::string body) { return HtmlReply(body + "!"); };
  EXPECT_TRUE(Answer(echo).keep_alive);
  EXPECT_TRUE(Received().ends_with("\r\n\r\nabc!"));
  const Outcome head = Answer(echo);
  EXPECT_EQ(head.bytes, 0U);
  const std::string received = Received();
  EXPECT_NE(received.find("Content-Length: 1\r\n"), std::string::npos) << received;
  EXPECT_TRUE(received.ends_with("\r\n\r\n"));
}

TEST_F(TransportTest, WritesNoHeaderThatHoldsALineBreak) {
  Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  Answer([](const std::string&) {
    Reply reply = HtmlReply("");
    reply.headers.emplace_back("X-Name", "a\r\nX-Evil: 1");
    return reply;
  });
  EXPECT_EQ(Received().find("X-Evil"), std::string::npos);
}

TEST_F(TransportTest, HeadThatHasNotCompletelyArrivedIsWaitedFor) {
  Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(std::holds_alternative<Connection::Incomplete>(ReadHead()));
  Send("Host: h\r\n\r\n");
  EXPECT_TRUE(std::holds_alternative<RequestHead>(ReadHead()));
  ::shutdown(ends_[1], SHUT_WR);
  EXPECT_TRUE(std::holds_alternative<Connection::Gone>(ReadHead()));
}

}  // namespace
}  // namespace copse
