using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Platform;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.Reports;

namespace Serverless.Functions.Hosting;

/// <summary>What function classes ask for, whoever hosts them.</summary>
static class PlatformServices
{
    /// <summary>
    /// The host adds <see cref="IWorkspaces"/>, <see cref="IMessageBus"/>, <see cref="TimeProvider"/>, <see cref="SubmissionOptions"/>,
    /// <see cref="WebhookOptions"/> and <see cref="ApiLimits"/>.
    /// </summary>
    public static IServiceCollection AddPlatform(this IServiceCollection services) => services
        .AddSingleton<IIds, SystemIds>()
        .AddSingleton<DamageNotices>()
        .AddSingleton(all => new ApiKeys(
            all.GetRequiredService<IWorkspaces>().Platform, all.GetRequiredService<TimeProvider>(), all.GetRequiredService<IIds>(),
            all.GetRequiredService<DamageNotices>(), all.GetRequiredService<ILogger<ApiKeys>>()))
        .AddSingleton<WorkspaceDirectory>()
        .AddSingleton<WebhookSender>()
        .AddSingleton<Notifier>()
        .AddSingleton(all => new DeadLetteredWakes(
            all.GetRequiredService<IMessageBus>(), all.GetRequiredService<SubmissionOptions>().MachineClasses,
            name => all.GetRequiredService<WorkspaceDirectory>().Open(name).Queue))
        .AddSingleton<IChartDrawing, ChartDrawing>()
        .AddSingleton<Gate>();

    /// <summary>Tokens of a directory in place of keys, where there is one.</summary>
    public static IServiceCollection AddEntra(this IServiceCollection services, EntraOptions? options) =>
        options is null ? services : services.AddSingleton(all => new EntraTokens(options, all.GetRequiredService<TimeProvider>()));
}
