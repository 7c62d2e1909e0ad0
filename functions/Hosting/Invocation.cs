using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Serverless.Functions.Hosting;

/// <summary>Calls a function's method; its class is made when it is first needed and kept, for function classes hold no state.</summary>
sealed class Invocation(MethodInfo method, Func<Type, object> instances)
{
    private readonly MethodInvoker invoker = MethodInvoker.Create(method);
    private readonly ParameterInfo[] parameters = method.GetParameters();

    /// <summary>The trigger's parameter gets the request, strings get the route's values by name.</summary>
    public async Task Http(HttpContext context)
    {
        var result = Call(parameter =>
            parameter.ParameterType == typeof(HttpRequest) ? context.Request
            : parameter.ParameterType == typeof(string) ? context.GetRouteValue(parameter.Name!) as string
            : Common(parameter, context.RequestAborted));
        var answer = result as IActionResult ?? await (Task<IActionResult>)result!;
        await answer.ExecuteResultAsync(new ActionContext { HttpContext = context });
    }

    /// <param name="trigger">What the trigger's parameter gets.</param>
    public async Task Event(object trigger, CancellationToken cancel)
    {
        if (Call(parameter => parameter.ParameterType == trigger.GetType() ? trigger : Common(parameter, cancel)) is Task running) await running;
    }

    private object? Call(Func<ParameterInfo, object?> value)
    {
        var arguments = new object?[parameters.Length];
        for (var i = 0; i < arguments.Length; i++) arguments[i] = value(parameters[i]);
        return invoker.Invoke(instances(method.DeclaringType!), arguments);
    }

    private object Common(ParameterInfo parameter, CancellationToken cancel) => parameter.ParameterType == typeof(CancellationToken)
        ? cancel
        : throw new InvalidOperationException($"{method.DeclaringType!.Name}.{method.Name}: nothing is known to give for '{parameter.Name}'");
}
