namespace Serverless.Bench;

/// <summary>A figure that cannot be right, whatever the machine. It says nothing about an aim, so the measure fails.</summary>
sealed class ImpossibleFigureException(string what) : Exception(what);
