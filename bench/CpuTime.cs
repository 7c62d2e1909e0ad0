using System.Globalization;

namespace Serverless.Bench;

/// <summary>CPU time as a program reports it: a line with its CPU seconds and the seconds that passed meanwhile.</summary>
static class CpuTime
{
    /// <summary>The kernel counts in hundredths of a second, for each of the processes that are added up.</summary>
    private const double Rounding = 0.1;

    /// <returns>CPU seconds.</returns>
    /// <exception cref="ImpossibleFigureException">It is more than the machine's cores can have given in that time, or nothing.</exception>
    public static double Read(string line, int cores)
    {
        if (line.Trim().Split('\t') is not [var left, var right] || !TryRead(left, out var cpu) || !TryRead(right, out var passed))
        {
            throw new ImpossibleFigureException($"found '{line.Trim()}', wanted CPU seconds and seconds");
        }

        var most = (passed * cores) + Rounding;
        return cpu > 0 && cpu <= most ? cpu : throw new ImpossibleFigureException($"{cpu:R} s of CPU time in {passed:0.00} s on {cores} cores");
    }

    private static bool TryRead(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
