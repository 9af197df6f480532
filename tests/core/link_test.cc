#include "copse/link.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "bits.h"
#include "copse/math.h"

namespace copse {
namespace {

using test::Bits;
using test::kInfinity;
using test::kNan;

constexpr Precision kF32 = Precision::kFloat32;
constexpr Precision kF64 = Precision::kFloat64;

std::vector<double> Apply(const Link& link, const std::vector<double>& margins,
                          std::size_t n_values = 0) {
  std::vector<double> values(n_values == 0 ? margins.size() : n_values);
  ApplyLink(link, margins, values);
  return values;
}

double ApplyToOne(const Link& link, double margin) { return Apply(link, {margin})[0]; }

// XGBoost's binary:logistic, with the constant that its denominator carries.
Link XgboostSigmoid() { return {.kind = LinkKind::kSigmoid, .math = kF32, .guard = 1e-16}; }

TEST(LinkName, IsReadBackAsTheSameKind) {
  for (const char* name :
       {"identity", "sigmoid", "sigmoid2x", "softmax", "softmax_argmax", "softmax_zero", "exp",
        "log1pexp", "sqrt_signed", "hinge", "normalize_ovr", "iforest", "logistic"}) {
    const auto kind = LinkKindFromName(name);
    ASSERT_TRUE(kind.ok()) << name;
    EXPECT_EQ(LinkName(*kind), name);
  }
}

TEST(LinkKindFromName, RefusesAnUnknownNameAndListsTheKnown) {
  const auto kind = LinkKindFromName("Sigmoid");
  ASSERT_FALSE(kind.ok());
  EXPECT_EQ(kind.error().code, ErrorCode::kUnsupportedModel);
  EXPECT_EQ(kind.error().message,
            "link: \"Sigmoid\" is not known; expected one of identity, sigmoid, sigmoid2x, "
            "softmax, softmax_argmax, softmax_zero, exp, log1pexp, sqrt_signed, hinge, "
            "normalize_ovr, iforest, logistic");
}

TEST(Identity, KeepsEveryBit) {
  const Link link{.kind = LinkKind::kIdentity};
  for (const double x : {0.0, -0.0, 0.1, -1e300, kInfinity, -kInfinity}) {
    EXPECT_EQ(Bits(ApplyToOne(link, x)), Bits(x));
  }
}

TEST(Identity, OfOneMarginForTwoClassesIsItAndItsComplement) {
  const Link link{.kind = LinkKind::kIdentity};
  EXPECT_EQ(Apply(link, {0.25}, 2), (std::vector<double>{0.75, 0.25}));
}

TEST(Sigmoid, IsOneOverOnePlusExp) {
  const Link link{.kind = LinkKind::kSigmoid};
  EXPECT_EQ(ApplyToOne(link, 0), 0.5);
  EXPECT_DOUBLE_EQ(ApplyToOne(link, 0.3), 0x1.261d545e46a8bp-1);
  EXPECT_EQ(ApplyToOne(link, 1000), 1);
  EXPECT_EQ(Bits(ApplyToOne(link, -1000)), Bits(0));
  EXPECT_EQ(ApplyToOne(link, kInfinity), 1);
  EXPECT_EQ(ApplyToOne(link, -kInfinity), 0);
}

TEST(Sigmoid, GivesBothClassesOfOneMargin) {
  const Link link{.kind = LinkKind::kSigmoid};
  const double p = ApplyToOne(link, 0.3);
  EXPECT_EQ(Apply(link, {0.3}, 2), (std::vector<double>{1 - p, p}));
}

TEST(Sigmoid, MultipliesTheMarginByScaleFirst) {
  for (const Precision math : {kF32, kF64}) {
    const Link scaled{.kind = LinkKind::kSigmoid, .math = math, .scale = 0.5};
    const Link plain{.kind = LinkKind::kSigmoid, .math = math};
    EXPECT_EQ(ApplyToOne(scaled, 3), ApplyToOne(plain, 1.5));
  }
}

TEST(Sigmoid, TreatsSeveralColumnsEachForItself) {
  const Link link{.kind = LinkKind::kSigmoid};
  const double p = ApplyToOne(link, -2);
  EXPECT_EQ(Apply(link, {0, -2, 0}), (std::vector<double>{0.5, p, 0.5}));
}

// The expected bits are float32 arithmetic with a correctly rounded expf.
TEST(Sigmoid, RoundsToFloatAfterEveryOperation) {
  EXPECT_EQ(ApplyToOne(XgboostSigmoid(), 0.3f), 0x1.261d54p-1);
  EXPECT_EQ(Apply(XgboostSigmoid(), {-2.5}, 2), (std::vector<double>{0x1.d9291ep-1, 0x1.36b71p-4}));
  EXPECT_EQ(Apply(XgboostSigmoid(), {7}, 2), (std::vector<double>{0x1.ddap-11, 0x1.ff8898p-1}));
}

TEST(Sigmoid, InFloatStaysAboveZeroAsXgboostLimitsThePower) {
  EXPECT_EQ(ApplyToOne(XgboostSigmoid(), -1000), 0x1.05ea38p-128);
  EXPECT_EQ(ApplyToOne(XgboostSigmoid(), -kInfinity), 0x1.05ea38p-128);
}

TEST(Sigmoid, AddsTheGuardToTheDenominator) {
  for (const Precision math : {kF32, kF64}) {
    EXPECT_EQ(ApplyToOne({.kind = LinkKind::kSigmoid, .math = math, .guard = 2}, 0), 0.25);
  }
}

// Every operation in float32: 1 - p of a p near 1 is a small number of steps of 2^-24.
TEST(Logistic, IsOneMinusThatOfTheNegativeBelowZero) {
  const Link link{.kind = LinkKind::kLogistic, .math = kF32};
  EXPECT_EQ(ApplyToOne(link, 0), 0.5);
  EXPECT_EQ(ApplyToOne(link, 7), 0x1.ff8898p-1);
  EXPECT_EQ(ApplyToOne(link, -7), 0x1.ddap-11);
  EXPECT_EQ(ApplyToOne(link, -14), 0x1.cp-21) << "and not 0x1.be6c58p-21";
  EXPECT_EQ(Bits(ApplyToOne(link, -18)), Bits(0));
  EXPECT_EQ(Bits(ApplyToOne(link, -kInfinity)), Bits(0));
  EXPECT_EQ(ApplyToOne(link, kInfinity), 1);
  EXPECT_TRUE(std::isnan(ApplyToOne(link, kNan)));
}

TEST(Logistic, InDoubleKeepsWhatADoubleCan) {
  const Link link{.kind = LinkKind::kLogistic};
  EXPECT_DOUBLE_EQ(ApplyToOne(link, 0.3), 0x1.261d545e46a8bp-1);
  EXPECT_EQ(ApplyToOne(link, -0.3), 1 - ApplyToOne(link, 0.3));
  EXPECT_EQ(Bits(ApplyToOne(link, -38)), Bits(0));
}

TEST(Logistic, OfOneMarginForTwoClassesIsThatOfItsNegativeAndOfIt) {
  for (const Precision math : {kF32, kF64}) {
    const Link link{.kind = LinkKind::kLogistic, .math = math, .divisor = 4};
    for (const double m : {-3.0, 0.0, 0.3, 20.0}) {
      EXPECT_EQ(Apply(link, {m}, 2), Apply(link, {-m, m}));
    }
  }
}

TEST(Sigmoid2x, DoublesTheMargin) {
  const Link twice{.kind = LinkKind::kSigmoid2x};
  const Link plain{.kind = LinkKind::kSigmoid};
  EXPECT_EQ(Apply(twice, {0.7}, 2), Apply(plain, {1.4}, 2));
}

TEST(Softmax, DoesNotOverflowAndSharesOutOne) {
  const Link link{.kind = LinkKind::kSoftmax};
  EXPECT_EQ(Apply(link, {1000, 1000}), (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(Apply(link, {-1000, 0}), (std::vector<double>{0, 1}));
  EXPECT_EQ(Apply(link, {7}), std::vector<double>{1});
}

TEST(Softmax, SubtractsTheLargestAndDividesByTheSumInOrder) {
  const Link link{.kind = LinkKind::kSoftmax};
  const double a = Exp(0.1 - 1.7), b = Exp(0.0), c = Exp(-0.4 - 1.7);
  const double sum = (a + b) + c;
  EXPECT_EQ(Apply(link, {0.1, 1.7, -0.4}), (std::vector<double>{a / sum, b / sum, c / sum}));
}

// These four differ in some bit when the sum is made in float, or not rounded to it.
TEST(Softmax, InFloatSumsInDoubleAndDividesByTheRoundedSum) {
  const Link link{.kind = LinkKind::kSoftmax, .math = kF32};
  EXPECT_EQ(Apply(link, {-0x1.d4b614p-2, 0x1.c2f5aap-3, -0x1.0276560p+0, -0x1.ac643ep-3}),
            (std::vector<double>{0x1.a835a6p-3, 0x1.a1cca4p-2, 0x1.e891ep-4, 0x1.0ff412p-2}));
}

TEST(Softmax, OfOneMarginForTwoClassesTakesItAndItsNegative) {
  const Link link{.kind = LinkKind::kSoftmax};
  EXPECT_EQ(Apply(link, {1.25}, 2), Apply(link, {-1.25, 1.25}));
}

TEST(SoftmaxArgmax, HasTheValuesOfSoftmax) {
  const Link softmax{.kind = LinkKind::kSoftmax, .math = kF32};
  const Link argmax{.kind = LinkKind::kSoftmaxArgmax, .math = kF32};
  EXPECT_EQ(Apply(argmax, {0.5, -1, 2}), Apply(softmax, {0.5, -1, 2}));
}

TEST(SoftmaxZero, LeavesZerosOutOfTheSumAndShrinksWhatIsAlmostZero) {
  const Link link{.kind = LinkKind::kSoftmaxZero};
  const double b = Exp(-0.5 - 2.0), sum = 1 + b;
  EXPECT_EQ(Apply(link, {2, 0, -0.5, 5e-8}),
            (std::vector<double>{1 / sum, 0, b / sum, 5e-8 * Exp(-2) / sum}));
}

TEST(SoftmaxZero, TakesMoreThanAFloatOf1eMinus7ForANumber) {
  const Link link{.kind = LinkKind::kSoftmaxZero};
  const double border = 1e-7f, above = std::nextafter(border, 1.0);
  EXPECT_EQ(Apply(link, {1, border})[1], border * Exp(-1));
  EXPECT_EQ(Apply(link, {1, -border})[1], -border * Exp(-1));
  EXPECT_GT(Apply(link, {1, above})[1], 0.2);
  EXPECT_GT(Apply(link, {1, -above})[1], 0.2);
}

TEST(SoftmaxZero, OfNothingButZerosIsNan) {
  const Link link{.kind = LinkKind::kSoftmaxZero};
  EXPECT_EQ(Bits(Apply(link, {0, 0})[0]), Bits(kNan));
}

// These three differ in some bit when the sum is made in double, as softmax makes it.
TEST(SoftmaxZero, InFloatSumsInFloat) {
  const Link link{.kind = LinkKind::kSoftmaxZero, .math = kF32};
  const float a = ExpF(1.0f - 1.75f), c = ExpF(-0.3f - 1.75f), sum = (a + 1.0f) + c;
  EXPECT_EQ(Apply(link, {1, 1.75, -0.3f}), (std::vector<double>{a / sum, 1 / sum, c / sum}));
}

TEST(SoftmaxZero, OfOneMarginForTwoClassesTakesItAndItsNegative) {
  const Link link{.kind = LinkKind::kSoftmaxZero};
  EXPECT_EQ(Apply(link, {1.25}, 2), Apply(link, {-1.25, 1.25}));
}

TEST(Divisor, DividesEveryMarginFirst) {
  EXPECT_EQ(ApplyToOne({.divisor = 3}, 1), 1.0 / 3);
  EXPECT_EQ(ApplyToOne({.kind = LinkKind::kExp, .divisor = 4}, 6), Exp(1.5));
  const Link plain{.kind = LinkKind::kSoftmax}, over_two{.kind = LinkKind::kSoftmax, .divisor = 2};
  EXPECT_EQ(Apply(over_two, {2, 3, -1}), Apply(plain, {1, 1.5, -0.5}));
  EXPECT_EQ(Apply(over_two, {3}, 2), Apply(plain, {1.5}, 2));
  const Link sigmoid{.kind = LinkKind::kSigmoid, .divisor = 2};
  EXPECT_EQ(Apply(sigmoid, {3}, 2), Apply({.kind = LinkKind::kSigmoid}, {1.5}, 2));
}

TEST(Divisor, DividesInTheWidthOfTheLink) {
  EXPECT_EQ(ApplyToOne({.math = kF32, .divisor = 3}, 0.1), 0.1f / 3.0f);
}

TEST(ExpLink, IsExpInTheWidthAsked) {
  const Link wide{.kind = LinkKind::kExp}, narrow{.kind = LinkKind::kExp, .math = kF32};
  EXPECT_EQ(ApplyToOne(wide, 3), 0x1.415e5bf6fb106p+4);
  EXPECT_EQ(ApplyToOne(narrow, 3), 0x1.415e5cp+4);
  EXPECT_EQ(ApplyToOne(narrow, 89), kInfinity);
}

TEST(Log1pExpLink, IsTheSoftplus) {
  const Link link{.kind = LinkKind::kLog1pExp};
  EXPECT_DOUBLE_EQ(ApplyToOne(link, 2), 0x1.103f2d54301d5p+1);
  EXPECT_EQ(ApplyToOne(link, -800), 0);
  EXPECT_EQ(ApplyToOne({.kind = LinkKind::kLog1pExp, .math = kF32}, 2), 0x1.103f2ep+1);
}

TEST(SqrtSigned, SquaresAndKeepsTheSign) {
  const Link link{.kind = LinkKind::kSqrtSigned};
  EXPECT_EQ(ApplyToOne(link, 3), 9);
  EXPECT_EQ(ApplyToOne(link, -3), -9);
  EXPECT_EQ(ApplyToOne(link, 0), 0);
}

TEST(Hinge, IsOneAboveZeroOnly) {
  const Link link{.kind = LinkKind::kHinge, .math = kF32};
  EXPECT_EQ(ApplyToOne(link, 0x1p-149), 1);
  EXPECT_EQ(ApplyToOne(link, 0), 0);
  EXPECT_EQ(ApplyToOne(link, -1), 0);
  EXPECT_EQ(Apply(link, {2}, 2), (std::vector<double>{0, 1}));
}

TEST(NormalizeOvr, DividesSigmoidsByTheirSum) {
  const Link link{.kind = LinkKind::kNormalizeOvr}, sigmoid{.kind = LinkKind::kSigmoid};
  const double a = ApplyToOne(sigmoid, 1), b = ApplyToOne(sigmoid, -2), c = ApplyToOne(sigmoid, 0);
  const double sum = (a + b) + c;
  EXPECT_EQ(Apply(link, {1, -2, 0}), (std::vector<double>{a / sum, b / sum, c / sum}));
}

TEST(NormalizeOvr, OfOneMarginIsTheSigmoidOfTwoClasses) {
  const Link link{.kind = LinkKind::kNormalizeOvr}, sigmoid{.kind = LinkKind::kSigmoid};
  EXPECT_EQ(Apply(link, {0.8}, 2), Apply(sigmoid, {0.8}, 2));
}

TEST(Isolation, IsMinusAPowerOfTwoLessTheOffset) {
  const Link link{.kind = LinkKind::kIsolation, .denominator = 16, .offset = -0.5};
  EXPECT_DOUBLE_EQ(ApplyToOne(link, 7.5), -0x1.71f75e8ec5f74p-1 + 0.5);
  EXPECT_EQ(ApplyToOne(link, 16), 0) << "an average path: 2^-1 is the usual offset";
}

TEST(ApplyLink, GivesOneNanOnly) {
  for (const Precision math : {kF32, kF64}) {
    for (const LinkKind kind :
         {LinkKind::kIdentity, LinkKind::kSigmoid, LinkKind::kSoftmax, LinkKind::kExp,
          LinkKind::kLog1pExp, LinkKind::kSqrtSigned, LinkKind::kIsolation, LinkKind::kLogistic}) {
      for (const double x : {kNan, -kNan}) {
        EXPECT_EQ(Bits(ApplyToOne({.kind = kind, .math = math}, x)), Bits(kNan)) << LinkName(kind);
      }
    }
  }
}

}  // namespace
}  // namespace copse
