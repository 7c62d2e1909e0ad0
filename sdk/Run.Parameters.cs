namespace Serverless;

public sealed partial class Run
{
    /// <summary>
    /// A parameter by name. The fallback's type is the wanted type: a number, a whole number, text, true or false, an enum, a list
    /// (<c>Param&lt;double[]&gt;("sparsities", [0.5, 0.9])</c>), a record.
    /// </summary>
    /// <param name="name">As in <c>params:</c>; of one in a map with dots, <c>optimizer.lr</c>.
    /// Outside the platform it is taken from EXP_PARAM_{NAME}.</param>
    /// <param name="fallback">The value when the parameter is not given.</param>
    /// <exception cref="ParameterException">It is given with another type.</exception>
    public T Param<T>(string name, T fallback) => parameters.Value.TryGet<T>(name, out var value) ? value : fallback;

    /// <summary>A parameter that must be given.</summary>
    /// <exception cref="ParameterException">It is missing or has another type.</exception>
    public T Param<T>(string name) => parameters.Value.TryGet<T>(name, out var value) ? value : throw Parameters.Missing(name, typeof(T));

    /// <summary>
    /// All parameters as a record, whose defaults are the fallbacks: <c>record Settings(double Lr = 0.001, int BatchSize = 64)</c>. Names match
    /// without regard to case, '_' and '-'. Parameters that the record does not have are ignored. A record in it takes the map of its name.
    /// </summary>
    /// <exception cref="ParameterException">One has another type, or is missing and has no default.</exception>
    public T Params<T>() => parameters.Value.Bind<T>();
}
