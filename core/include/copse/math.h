#pragma once

/// The project's own elementary functions: one source for every target, so that links give the
/// same bits natively and in WebAssembly. libm's differ between C libraries, and glibc's even
/// between processors. Pure functions of their argument; any thread.
namespace copse {

/// e^x, within 1 ulp over the whole range. NaN stays NaN; +inf above 709.78..., +0 below
/// -745.13..., subnormal results between.
double Exp(double x);

/// 2^x, within 1 ulp; +inf from 1024, +0 below -1075.
double Exp2(double x);

/// Natural logarithm, within 1 ulp, of subnormals too. Log(+-0) is -inf, below zero NaN.
double Log(double x);

/// log(1 + x), within 2 ulp, without losing the digits of a small x.
double Log1p(double x);

/// e^x and log(x) rounded to float32 from double: the correctly rounded value in all but about
/// one of 10^8 arguments, so within 1 ulp of any float32 library.
float ExpF(float x);
float LogF(float x);

}  // namespace copse
