#include "address_range.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

bool Holds(const std::string& range, const std::string& address) {
  const auto parsed = AddressRange::Parse(range);
  EXPECT_TRUE(parsed.has_value()) << range;
  return parsed && parsed->Contains(address);
}

TEST(AddressRange, IsOneAddress) {
  EXPECT_TRUE(Holds("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(Holds("192.0.2.7", "192.0.2.8"));
  EXPECT_TRUE(Holds("2001:db8::1", "2001:0DB8:0::1"));
  EXPECT_FALSE(Holds("2001:db8::1", "2001:db8::2"));
}

TEST(AddressRange, IsAPrefix) {
  EXPECT_TRUE(Holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(Holds("172.16.0.0/12", "172.31.255.255"));
  EXPECT_FALSE(Holds("172.16.0.0/12", "172.32.0.0"));
  EXPECT_FALSE(Holds("172.16.0.0/12", "172.15.255.255"));
  EXPECT_TRUE(Holds("192.0.2.6/31", "192.0.2.7"));
  EXPECT_FALSE(Holds("192.0.2.6/31", "192.0.2.8"));
  EXPECT_TRUE(Holds("fd00::/8", "fdff::1"));
  EXPECT_FALSE(Holds("fd00::/8", "fe80::1"));
  EXPECT_TRUE(Holds("2001:db8:0:8000::/49", "2001:db8:0:ffff::1"));
  EXPECT_FALSE(Holds("2001:db8:0:8000::/49", "2001:db8:0:7fff::1"));
}

TEST(AddressRange, AllAreBehindNoBits) {
  EXPECT_TRUE(Holds("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(Holds("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(Holds("::/0", "2001:db8::1"));
}

TEST(AddressRange, KnowsIpv4HoweverItIsWritten) {
  EXPECT_TRUE(Holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(Holds("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_FALSE(Holds("10.0.0.0/8", "::10.1.2.3"));
}

TEST(AddressRange, LeavesOutTheInterface) { EXPECT_TRUE(Holds("fe80::/10", "fe80::1%eth0")); }

TEST(AddressRange, HoldsNothingThatIsNoAddress) {
  for (const char* address : {"", "localhost", "10.0.0", "10.0.0.0/8", "unix:", "10.0.0.1 "}) {
    EXPECT_FALSE(Holds("10.0.0.0/8", address)) << address;
    EXPECT_FALSE(Holds("::/0", address)) << address;
  }
}

TEST(AddressRange, RefusesWhatIsNoRange) {
  for (const char* text :
       {"", "/", "/8", "proxy.example", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0.0/ 8", "10.0.0.1/8", "10.0.0.0/8/8", "fd00::/129", "fd01::/8", "fe80::1%eth0",
        "10.0.0.0-10.0.0.9", "10.*"}) {
    EXPECT_FALSE(AddressRange::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace copse
